import type { SocketLink, SocketListener, SocketRoute } from '../core/socket.ts';
import type { Lasting } from './drain.ts';
import { MOST_UNSENT_BYTES } from './most-unsent-bytes.ts';
import { toWire } from './reply.ts';

/** The library's connection, as far as it is used; it throws at whoever uses it after it has closed. */
export interface SocketWire {
  getBufferedAmount(): number;
  send(message: string | Uint8Array, isBinary: boolean): unknown;
  end(code: number, reason: string | Uint8Array): unknown;
  close(): unknown;
}

/** What a connection needs of its server. */
export interface SocketHost {
  /** A listener has thrown. */
  onFault(thrown: unknown): void;
  /** Called once, whoever closed it. */
  onClosed(connection: SocketConnection): void;
}

/** Time for a client to take what was sent before the close frame. */
const GOODBYE_MS = 5000;
const TOO_LARGE = 1009;
const FAULT = 1011;

/** One WebSocket from its upgrade to its end; stands between its owner, who must not throw, and the library, which would die. */
export class SocketConnection implements SocketLink, Lasting {
  readonly peer: string;
  readonly requestId: string;
  readonly #route: SocketRoute;
  readonly #host: SocketHost;
  #wire: SocketWire | null = null;
  #listener: SocketListener | null = null;
  /** The close frame that waits until all before it is out. */
  #goodbye: { readonly code: number; readonly reason: string | Uint8Array; readonly timer: NodeJS.Timeout } | null =
    null;
  #closedWith: number | null = null;

  constructor(route: SocketRoute, host: SocketHost, { peer, requestId }: Pick<SocketLink, 'peer' | 'requestId'>) {
    this.#route = route;
    this.#host = host;
    this.peer = peer;
    this.requestId = requestId;
  }

  get bufferedBytes(): number {
    return this.#wire?.getBufferedAmount() ?? 0;
  }

  send(text: string): void {
    if (this.#wire === null || this.#goodbye !== null) return;
    // the owner of a link has much lower bounds of his own
    if (this.bufferedBytes > MOST_UNSENT_BYTES) return this.destroy();
    this.#wire.send(toWire(text), false);
  }

  close(code: number, reason: string): void {
    if (this.#wire === null || this.#goodbye !== null) return;
    if (this.bufferedBytes === 0) return void this.#wire.end(code, toReason(reason));
    this.#goodbye = { code, reason: toReason(reason), timer: setTimeout(() => this.destroy(), GOODBYE_MS) };
  }

  destroy(): void {
    this.#wire?.close();
  }

  leave(): void {
    this.#tell((listener) => listener.onLeaving());
  }

  opened(wire: SocketWire): void {
    this.#wire = wire;
    try {
      this.#listener = this.#route.open(this);
    } catch (thrown) {
      this.#fail(thrown);
    }
    if (this.#closedWith !== null) this.#tellClosed(this.#closedWith); // its owner has closed it before there was a listener
  }

  received(message: ArrayBuffer, isBinary: boolean): void {
    if (this.#goodbye !== null) return;
    const { maxMessageBytes } = this.#route;
    if (message.byteLength > maxMessageBytes) {
      return this.close(TOO_LARGE, `BODY_TOO_LARGE: A message may have ${maxMessageBytes} bytes.`);
    }
    const bytes = new Uint8Array(message);
    this.#tell((listener) => (isBinary ? listener.onBinary(bytes) : listener.onText(bytes)));
  }

  /** The library tells of each write that the client made room for, also where there is more to come. */
  drained(): void {
    if (this.#wire === null || this.bufferedBytes > 0) return;
    if (this.#goodbye !== null) this.#wire.end(this.#goodbye.code, this.#goodbye.reason);
    else this.#tell((listener) => listener.onDrained());
  }

  closed(code: number): void {
    this.#wire = null;
    this.#closedWith = code;
    clearTimeout(this.#goodbye?.timer);
    this.#tellClosed(code);
    this.#host.onClosed(this);
  }

  #tellClosed(code: number): void {
    this.#tell((listener) => listener.onClosed(code));
  }

  #tell(say: (listener: SocketListener) => void): void {
    try {
      if (this.#listener !== null) say(this.#listener);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #fail(thrown: unknown): void {
    this.#host.onFault(thrown);
    this.close(FAULT, 'INTERNAL: A fault in this program; its log has the cause.');
  }
}

const REASON_BYTES = 123;

/** To what fits into a close frame, without half a character. */
function toReason(reason: string): string | Uint8Array {
  const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(REASON_BYTES));
  return toWire(reason.slice(0, read));
}
