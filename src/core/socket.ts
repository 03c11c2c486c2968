import type { Call } from './task.ts';

/** A WebSocket endpoint: a task offers it, a server serves it. */
export interface SocketRoute {
  readonly path: string;
  /** Metric label of the path. */
  readonly label: string;
  /** Sec-WebSocket-Protocol; chosen where a client offers it, and not asked for. */
  readonly protocol: string;
  /** A longer message closes the connection with 1009. */
  readonly maxMessageBytes: number;
  /** Before the upgrade. Throws the SidecarError that turns the client away. */
  admit(call: Pick<Call, 'peer' | 'header' | 'requestId' | 'query'>): void;
  /** After the upgrade. Must not throw. */
  open(link: SocketLink): SocketListener;
}

/** One connection, as far as its owner may use it. After it has closed nothing here does anything. */
export interface SocketLink {
  /** As Call.peer and Call.requestId of the upgrade. */
  readonly peer: string;
  readonly requestId: string;
  /** What was sent and the client has not taken yet. */
  readonly bufferedBytes: number;
  /** Takes any amount: whoever sends looks at bufferedBytes. */
  send(text: string): void;
  /** Sends a close frame after all that was sent; the reason is cut to the 123 bytes that fit. */
  close(code: number, reason: string): void;
  /** At once, without a word: for a client who does not read. */
  destroy(): void;
}

/** What a connection brings; no call may throw. */
export interface SocketListener {
  /** Valid UTF-8. The memory is the server's again when it returns. */
  onText(bytes: Uint8Array): void;
  /** The memory is the server's again when it returns. */
  onBinary(bytes: Uint8Array): void;
  /** The client has taken all that was sent. */
  onDrained(): void;
  /** Exactly once, by whomever it was closed, also by close() and destroy(); 1006 when it broke. */
  onClosed(code: number): void;
  /** The server stops: say goodbye and close(). */
  onLeaving(): void;
}
