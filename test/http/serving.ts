import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Test } from 'tap';
import type { Reply, Route, RouteDoc } from '../../src/core/task.ts';
import type { ExchangeRecord } from '../../src/http/exchange-record.ts';
import { createServer, type HttpServer, type ServerDeps, type Uws } from '../../src/http/server.ts';
import { loadNative } from '../../src/system/native.ts';

export const uws = loadNative('uws') as Uws;
export const DOC: RouteDoc = { summary: 'A route of a test', responses: { 200: { description: 'Always.' } } };

export interface Serving {
  readonly server: HttpServer;
  readonly url: string;
  readonly port: number;
  /** Every outcome the server told, in order. */
  readonly records: ExchangeRecord[];
  settings: { corsOrigins: readonly string[] };
}

/** The real server with these routes on a free port; closed when the test ends. */
export async function serve(t: Test, routes: readonly Route[], deps: Partial<ServerDeps> = {}): Promise<Serving> {
  const records: ExchangeRecord[] = [];
  const settings = { corsOrigins: ['*'] as readonly string[] };
  const serving = { records, settings };
  const server = createServer({
    uws,
    routes,
    clock: () => performance.now(),
    limits: { maxBodyBytes: 64 << 10, maxConnections: 16 },
    settings: () => serving.settings,
    onExchange: (record) => void records.push(record),
    lingerMs: 50,
    ...deps,
  });
  t.teardown(() => server.close());
  const { port } = await server.listen('127.0.0.1', 0);
  return Object.assign(serving, { server, port, url: `http://127.0.0.1:${port}` });
}

export function reply(body: string | Uint8Array, more: Partial<Reply> = {}): Reply {
  return { status: 200, contentType: 'text/plain', headers: [], body, inference: null, ...more };
}

export function route(path: string, handle: Route['handle'], more: Partial<Route> = {}): Route {
  return { method: 'GET', path, label: path, kind: 'service', doc: DOC, handle, ...more };
}

export interface RawPeer {
  readonly socket: Socket;
  /** All that came so far, as latin1. */
  said(): string;
  until(pattern: RegExp): Promise<void>;
  readonly closed: Promise<unknown>;
}

/** A bare connection, for what no HTTP client would send. */
export async function openRaw(t: Test, port: number): Promise<RawPeer> {
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let text = '';
  socket.on('error', () => {}); // a reset connection is no failure here
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'connect');
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  const until = (pattern: RegExp) => eventually(() => pattern.test(text));
  return { socket, said: () => text, until, closed };
}

/** Waits until the condition holds; the test's own timeout is the limit. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Sends to a client who does not read until the kernel takes no more, for half a second too, and some is kept for him.
 *
 * @returns how many bytes were sent
 */
export async function fill(to: { readonly bufferedBytes: number }, send: (bytes: number) => void): Promise<number> {
  const piece = 50_000;
  let sent = 0;
  for (let calm = 0; calm < 25; calm++) {
    for (; to.bufferedBytes < 4 * piece; sent += piece, calm = 0) send(piece);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return sent;
}
