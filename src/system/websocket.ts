import type { IncomingMessage } from 'node:http';
import { connect as connectPlain } from 'node:net';
import { text } from 'node:stream/consumers';
import { type ClientOptions, type RawData, WebSocket } from 'ws';
import { messageOf } from '../core/errors.ts';

/** The client's end of a WebSocket. After it has closed nothing here does anything. */
export interface ClientSocket {
  /** What was sent and the network has not taken yet. */
  readonly bufferedBytes: number;
  send(message: string | Uint8Array): void;
  /** A close frame after all that was sent; at once, without a word, when none comes back. */
  close(code: number): void;
  /** At once, without a word: for a peer that may not listen. */
  cut(): void;
}

/** What a connection brings. */
export interface ClientListener {
  onText(message: string): void;
  /** Exactly once; 1006 when it broke. */
  onClosed(code: number, reason: string): void;
}

export interface SocketTarget {
  /** ws://… or wss://…; of a Unix socket only the path counts. */
  readonly url: string;
  readonly protocol: string;
  readonly unixPath: string | null;
  readonly token: string | null;
  /** Of node:tls: whom to trust. */
  readonly tls: object;
  readonly timeoutMs: number;
  /** Gives up before it is open. */
  readonly signal: AbortSignal | undefined;
}

/** A server that answers, but not with a WebSocket. */
export class UpgradeRefused extends Error {
  readonly status: number;
  readonly retryAfterMs: number | null;
  readonly body: string;

  constructor({ statusCode, headers }: IncomingMessage, body: string) {
    super(`the upgrade was answered with ${statusCode}`);
    this.status = statusCode ?? 0;
    const ms = Number(headers['retry-after-ms'] ?? Number(headers['retry-after'] ?? Number.NaN) * 1000);
    this.retryAfterMs = Number.isFinite(ms) ? ms : null;
    this.body = body;
  }
}

/** A peer that has gone without a word is found out after two of these. */
const PING_MS = 10_000;

/** Rejects with UpgradeRefused, or with what the network says. */
export async function openWebSocket(target: SocketTarget, listener: ClientListener): Promise<ClientSocket> {
  const socket = new WebSocket(target.url, [target.protocol], toOptions(target));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let isOpen = false;
  socket.on('open', () => {
    isOpen = true;
    resolve();
  });
  socket.on('error', reject); // after it was open, `close` follows and tells
  socket.on('unexpected-response', (_request, response) => {
    text(response).then((body) => reject(new UpgradeRefused(response, body)), reject);
  });
  socket.on('message', (data: RawData) => listener.onText(String(data)));
  socket.on('close', (code, reason) => {
    if (isOpen) listener.onClosed(code, reason.toString());
    else reject(new Error('the connection was closed before it was open'));
  });
  const giveUp = () => socket.terminate(); // its own time limit is none for a Unix socket
  target.signal?.addEventListener('abort', giveUp, { once: true });
  if (target.signal?.aborted) giveUp();
  await promise.finally(() => target.signal?.removeEventListener('abort', giveUp));
  watch(socket);
  return toClientSocket(socket);
}

function toOptions({ unixPath, token, tls, timeoutMs }: SocketTarget): ClientOptions {
  return {
    ...tls,
    handshakeTimeout: timeoutMs,
    perMessageDeflate: false, // a stream is small, and both ends may be small too
    closeTimeout: 2000,
    ...(token !== null && { headers: { authorization: `Bearer ${token}` } }),
    // not by a URL of the kind ws+unix, where a colon in the path would end it
    ...(unixPath !== null && { createConnection: () => connectPlain(unixPath) }),
  } as ClientOptions;
}

function toClientSocket(socket: WebSocket): ClientSocket {
  const isUsable = () => socket.readyState === WebSocket.OPEN;
  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send: (message) => {
      if (isUsable()) socket.send(message, () => {}); // a failure closes the connection, and that is told
    },
    close: (code) => socket.close(code),
    cut: () => socket.terminate(),
  };
}

function watch(socket: WebSocket): void {
  let isAlive = true;
  const heard = () => {
    isAlive = true;
  };
  socket.on('pong', heard);
  socket.on('message', heard);
  const timer = setInterval(() => {
    if (!isAlive) return socket.terminate();
    isAlive = false;
    socket.ping();
  }, PING_MS);
  socket.on('close', () => clearInterval(timer));
}

/** Why no connection came about, for people. */
export function whyUnreachable(thrown: unknown): string {
  const inner = thrown instanceof AggregateError ? thrown.errors[0] : thrown;
  return messageOf(inner) || (inner as NodeJS.ErrnoException).code || 'no connection';
}
