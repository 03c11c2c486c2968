import { type SidecarError, toSidecarError } from '../core/errors.ts';
import { type BodyBudget, BodyBuffer } from './body-buffer.ts';
import type { Framing } from './framing.ts';
import type { Stream } from './wire.ts';

export interface BodyLimits {
  readonly maxBodyBytes: number;
  readonly budget: BodyBudget;
  /** How long the rest of a refused body is read and thrown away before the connection is closed. */
  readonly lingerMs: number;
}

/** Hears how the body ended, at most once, unless the request ends first. */
export interface BodyListener {
  /** All of it; valid until this returns. */
  onBody(body: Uint8Array): void;
  /** It was refused, and the client has had its time to send the rest. */
  onRefused(error: SidecarError): void;
}

/** A refused body up to this size is read to its end, so that the client sees the reply instead of a reset. */
const LINGER_BYTES = 32 << 20;

/** Reads one request's body, or throws it away once it is refused. */
export class BodyReader {
  receivedBytes = 0;
  readonly #limits: BodyLimits;
  readonly #listener: BodyListener;
  #buffer: BodyBuffer | null = null;
  #refusal: SidecarError | null = null;
  #lingerTimer: NodeJS.Timeout | null = null;

  constructor(limits: BodyLimits, listener: BodyListener) {
    this.#limits = limits;
    this.#listener = listener;
  }

  /** Why the body is not wanted; null as long as it is. */
  get refusal(): SidecarError | null {
    return this.#refusal;
  }

  read(stream: Stream): void {
    stream.onData((chunk, isLast) => this.#receive(chunk, isLast));
  }

  /** Refuses the body unread; the client gets the time to send it before it hears so. */
  refuse(error: SidecarError, stream: Stream, { contentLength }: Framing): void {
    this.#startLingering(error);
    if (contentLength === 0 || (contentLength ?? 0) > LINGER_BYTES) this.#refuseSoon();
    else this.read(stream);
  }

  /** Gives the memory back and forgets the timer. Idempotent. */
  release(): void {
    this.#buffer?.release();
    if (this.#lingerTimer !== null) clearTimeout(this.#lingerTimer);
  }

  #receive(chunk: ArrayBuffer, isLast: boolean): void {
    this.receivedBytes += chunk.byteLength;
    if (this.#refusal !== null) return this.#discard(isLast);
    if (isLast && this.#buffer === null && chunk.byteLength <= this.#limits.maxBodyBytes) {
      return this.#listener.onBody(new Uint8Array(chunk)); // the usual body: one piece, no copy
    }
    this.#collect(chunk, isLast);
  }

  #collect(chunk: ArrayBuffer, isLast: boolean): void {
    try {
      this.#buffer ??= new BodyBuffer(this.#limits.maxBodyBytes, this.#limits.budget);
      this.#buffer.append(new Uint8Array(chunk));
    } catch (thrown) {
      this.#buffer?.release();
      this.#startLingering(toSidecarError(thrown));
      return this.#discard(isLast);
    }
    if (isLast) this.#listener.onBody(this.#buffer.view());
  }

  #startLingering(error: SidecarError): void {
    this.#refusal = error;
    this.#lingerTimer = setTimeout(() => this.#listener.onRefused(error), this.#limits.lingerMs);
  }

  #discard(isLast: boolean): void {
    if (isLast || this.receivedBytes > LINGER_BYTES) this.#refuseSoon();
  }

  /** Outside of the library's parser: inside of it a pipelined request would be read on, and the close forgotten. */
  #refuseSoon(): void {
    setImmediate(() => this.#listener.onRefused(this.#refusal!));
  }
}
