import { SidecarError, toSidecarError } from '../core/errors.ts';
import type { Clock } from '../core/log.ts';
import type { Call, Header, InferenceRecord, Reply } from '../core/task.ts';
import { type BodyBudget, BodyBuffer, bodyTooLarge } from './body-buffer.ts';
import { corsHeaders, isAllowedOrigin, preflightHeaders } from './cors.ts';
import { type Framing, type HeaderList, headerOf, readFraming } from './framing.ts';
import { checkMediaType } from './media-type.ts';
import { sendReply, toErrorReply, type Wire } from './reply.ts';
import { type BoundRoute, type Place, routeFor } from './routing.ts';

/** One request's outcome, told exactly once: answered, refused or given up by the client. */
export interface ExchangeRecord {
  /** The route's label, or "unmatched". */
  readonly route: string;
  readonly kind: 'inference' | 'service';
  readonly method: string;
  /** HTTP status; 499 when the client had gone before there was an answer. */
  readonly status: number;
  /** Code of the error, CLIENT_GONE when the client went first, null for an answer. */
  readonly code: string | null;
  readonly requestId: string;
  /** Last byte of the body to the reply. */
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly inference: InferenceRecord | null;
  /** With cause and stack, for the log only. */
  readonly error: SidecarError | null;
  readonly aborted: boolean;
}

/** What an exchange needs of its server. */
export interface ExchangeHost {
  readonly clock: Clock;
  readonly maxBodyBytes: number;
  readonly budget: BodyBudget;
  /** How long the rest of a refused body is read and thrown away before the connection is closed. */
  readonly lingerMs: number;
  corsOrigins(): readonly string[];
  isDraining(): boolean;
  settled(record: ExchangeRecord): void;
}

/** The library's response as far as an exchange uses it. */
export interface Stream extends Wire {
  onAborted(listener: () => void): unknown;
  onData(listener: (chunk: ArrayBuffer, isLast: boolean) => void): unknown;
  close(): unknown;
}

/** The request line and headers, copied while the library lets us read them. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: HeaderList;
  readonly requestId: string;
}

/** A refused body up to this size is read to its end, so that the client sees the reply instead of a reset. */
const LINGER_BYTES = 32 << 20;
const NO_BODY = new Uint8Array(0);
const NO_HEADERS: readonly Header[] = [];
const STATUS_CLIENT_GONE = 499;

/**
 * The life of one request: head → body → handler → reply.
 *
 * Nothing is written once the client has gone, and the server hears of every exchange exactly once, when nothing of it
 * runs any more. A reply that closes the connection never leaves inside the parser: the library would go on with a
 * pipelined request and forget to close; outside of it, a pipelined request closes the connection by itself.
 */
export class Exchange implements Call {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly requestId: string;
  body: Uint8Array = NO_BODY;
  receivedAt: number;
  readonly #host: ExchangeHost;
  readonly #stream: Stream;
  readonly #headers: HeaderList;
  #bound: BoundRoute | undefined;
  #label = 'unmatched';
  #buffer: BodyBuffer | null = null;
  #refusal: SidecarError | null = null;
  #lingerTimer: NodeJS.Timeout | null = null;
  #requestBytes = 0;
  #isRunning = false;
  #isGone = false;
  #isSettled = false;

  constructor(host: ExchangeHost, stream: Stream, head: RequestHead) {
    this.#host = host;
    this.#stream = stream;
    this.#headers = head.headers;
    this.method = head.method;
    this.path = head.path;
    this.query = head.query;
    this.requestId = head.requestId;
    this.receivedAt = host.clock();
  }

  header(name: string): string {
    return headerOf(this.#headers, name);
  }

  isGone(): boolean {
    return this.#isGone;
  }

  /** Answers, or arranges for an answer. Never throws: an error would end the process inside the library. */
  begin(place: Place | undefined): void {
    this.#stream.onAborted(() => this.#abort());
    try {
      this.#dispatch(place);
    } catch (thrown) {
      this.#answer(null, toSidecarError(thrown));
    }
  }

  #dispatch(place: Place | undefined): void {
    this.#bound = place && routeFor(place, this.method);
    this.#label = this.#bound?.route.label ?? place?.label ?? 'unmatched';
    const framing = this.#readFraming();
    if (framing === null) return;
    if (this.#host.isDraining()) return this.#refuseAndClose(shuttingDown(), framing);
    if (place === undefined) throw new SidecarError('NOT_FOUND', 'There is nothing at this path; GET / lists what is.');
    if (this.method === 'OPTIONS') return this.#answer(this.#preflight(place.allow), null);
    if (this.#bound === undefined) return this.#refuseMethod(place.allow);
    if (this.method !== 'POST') return this.#run(this.#bound);
    checkMediaType(this.header('content-type'), this.header('content-encoding'), this.#bound.accepted);
    if ((framing.contentLength ?? 0) > this.#host.maxBodyBytes) {
      return this.#refuseAndClose(bodyTooLarge(this.#host.maxBodyBytes), framing);
    }
    this.#stream.onData((chunk, isLast) => this.#receive(chunk, isLast));
  }

  #readFraming(): Framing | null {
    try {
      return readFraming(this.#headers);
    } catch (thrown) {
      this.#refuseAndClose(toSidecarError(thrown), { contentLength: null });
      return null;
    }
  }

  #preflight(allow: string): Reply {
    const headers: Header[] = [['Allow', allow]];
    if (isAllowedOrigin(this.header('origin'), this.#host.corsOrigins())) {
      headers.push(...preflightHeaders(allow, this.header('access-control-request-headers')));
    }
    return { status: 204, contentType: '', headers, body: '', inference: null };
  }

  #refuseMethod(allow: string): void {
    const error = new SidecarError('METHOD_NOT_ALLOWED', `This path answers ${allow} only.`);
    this.#answer(null, error, [['Allow', allow]]);
  }

  /** A piece of the body; the library takes the chunk's memory back when this returns. */
  #receive(chunk: ArrayBuffer, isLast: boolean): void {
    this.#requestBytes += chunk.byteLength;
    if (this.#refusal !== null) return this.#discard(isLast);
    if (isLast && this.#buffer === null) this.body = new Uint8Array(chunk);
    else if (!this.#collect(chunk, isLast)) return;
    if (!isLast) return;
    if (this.#buffer !== null) this.body = this.#buffer.view();
    this.receivedAt = this.#host.clock();
    this.#run(this.#bound!);
  }

  /** Keeps a piece of a body that comes in several. False when that ended in a refusal. */
  #collect(chunk: ArrayBuffer, isLast: boolean): boolean {
    if (chunk.byteLength === 0) return true;
    this.#buffer ??= new BodyBuffer(this.#host.maxBodyBytes, this.#host.budget);
    try {
      this.#buffer.append(new Uint8Array(chunk));
      return true;
    } catch (thrown) {
      this.#buffer.release();
      this.#startLingering(toSidecarError(thrown));
      this.#discard(isLast);
      return false;
    }
  }

  /** Refuses without reading the body, but gives the client the time to send it before the connection closes. */
  #refuseAndClose(error: SidecarError, framing: Framing): void {
    this.#startLingering(error);
    const { contentLength } = framing;
    if (contentLength === 0 || (contentLength ?? 0) > LINGER_BYTES) this.#closeSoon();
    else this.#stream.onData((chunk, isLast) => this.#receive(chunk, isLast));
  }

  #startLingering(error: SidecarError): void {
    this.#refusal = error;
    this.#lingerTimer = setTimeout(() => this.#answerRefusal(), this.#host.lingerMs);
  }

  #discard(isLast: boolean): void {
    if (isLast || this.#requestBytes > LINGER_BYTES) this.#closeSoon();
  }

  #closeSoon(): void {
    setImmediate(() => this.#answerRefusal());
  }

  #answerRefusal(): void {
    if (!this.#isSettled) this.#answer(null, this.#refusal);
  }

  #run({ route }: BoundRoute): void {
    this.#isRunning = true;
    try {
      const reply = route.handle(this);
      if (reply instanceof Promise)
        reply.then(
          (late) => this.#ended(late),
          (thrown) => this.#failed(thrown),
        );
      else this.#ended(reply);
    } catch (thrown) {
      this.#failed(thrown);
    }
    this.body = NO_BODY;
    this.#buffer?.release();
  }

  #ended(reply: Reply): void {
    this.#isRunning = false;
    this.#answer(reply, null);
  }

  #failed(thrown: unknown): void {
    this.#isRunning = false;
    this.#answer(null, toSidecarError(thrown));
  }

  #answer(reply: Reply | null, error: SidecarError | null, headers: readonly Header[] = NO_HEADERS): void {
    if (this.#isGone) return this.#settle(STATUS_CLIENT_GONE, error?.code ?? 'CLIENT_GONE', error, reply, 0);
    const sent = reply ?? toErrorReply(error!, headers);
    this.#isSettled = true; // before the write: closing the connection may call #abort from within
    try {
      this.#settle(sent.status, error?.code ?? null, error, reply, this.#send(sent));
    } catch (thrown) {
      this.#stream.close();
      this.#settle(500, 'INTERNAL', toSidecarError(thrown), reply, 0);
    }
  }

  #send(reply: Reply): number {
    return sendReply(this.#stream, reply, {
      requestId: this.requestId,
      isHead: this.method === 'HEAD',
      shouldClose: this.#refusal !== null || this.#host.isDraining(),
      cors: corsHeaders(this.header('origin'), this.#host.corsOrigins()),
    });
  }

  #abort(): void {
    this.#isGone = true;
    if (this.#isRunning || this.#isSettled) return; // the handler's end settles it
    this.#buffer?.release();
    this.#settle(STATUS_CLIENT_GONE, this.#refusal?.code ?? 'CLIENT_GONE', this.#refusal, null, 0);
  }

  #settle(status: number, code: string | null, error: SidecarError | null, reply: Reply | null, sent: number): void {
    this.#isSettled = true;
    if (this.#lingerTimer !== null) clearTimeout(this.#lingerTimer);
    this.#host.settled({
      route: this.#label,
      kind: this.#bound?.route.kind ?? 'service',
      method: this.method,
      status,
      code,
      requestId: this.requestId,
      durationMs: this.#host.clock() - this.receivedAt,
      requestBytes: this.#requestBytes,
      responseBytes: sent,
      inference: reply?.inference ?? null,
      error,
      aborted: this.#isGone,
    });
  }
}

function shuttingDown(): SidecarError {
  return new SidecarError('SHUTTING_DOWN', 'The daemon is shutting down; send it again to its successor in a moment.');
}
