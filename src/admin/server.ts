import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { ERRORS, messageOf, SidecarError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { readJson } from './body.ts';
import { listenAt } from './listen.ts';
import type { Peer, PeerOf } from './peer.ts';
import type { AdminFailure, AdminRoute } from './route.ts';

export interface AdminServerOptions {
  /** Where the socket is made, in a directory that is there. */
  readonly path: string;
  readonly routes: readonly AdminRoute[];
  readonly allowedUids: readonly number[];
  readonly peerOf: PeerOf;
  readonly log: Log;
  /** For tests; the defaults are what serves. */
  readonly limits?: Partial<AdminLimits>;
}

export interface AdminLimits {
  readonly connections: number;
  /** Within which a connection must have sent the head of its request. */
  readonly headersTimeoutMs: number;
  /** Within which a connection must have sent the whole request. */
  readonly requestTimeoutMs: number;
  /** How long a connection may rest while it is read from or written to. */
  readonly idleTimeoutMs: number;
}

export interface AdminServer {
  /** Cuts every connection and removes the socket file. Handlers that run go on; nobody hears their result. */
  close(): Promise<void>;
}

const LIMITS: AdminLimits = {
  connections: 16,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  idleTimeoutMs: 10_000,
};
const HEAD_LIMIT_BYTES = 8 * 1024;

/**
 * The daemon's ear for the command line: HTTP with JSON on a Unix socket of mode 0600, one request per connection.
 * Throws PORT_IN_USE when another daemon owns the path, UNAVAILABLE when it cannot be used.
 */
export async function openAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const limits = { ...LIMITS, ...options.limits };
  const server = createAdminServer(options, limits);
  await listenAt(server, options.path);
  // Later faults of the listening socket (no descriptor for another connection) must not end the process.
  server.on('error', (error) => options.log.error({ err: error }, 'the admin socket failed to take a connection'));
  return { close: () => close(server) };
}

function createAdminServer(options: AdminServerOptions, limits: AdminLimits): Server {
  const server = createServer({
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
    maxHeaderSize: HEAD_LIMIT_BYTES,
  });
  server.maxConnections = limits.connections;
  server.timeout = limits.idleTimeoutMs;
  const begun = new WeakSet<Duplex>();
  server.on('request', (request, response) => {
    // A second request that was pipelined would run its command, and never be answered.
    if (begun.has(request.socket)) return;
    begun.add(request.socket);
    void exchange(request, response, options, limits);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (begun.has(socket) || !socket.writable) socket.destroy();
    else socket.end(toRawReply(error.code));
  });
  return server;
}

async function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  { routes, allowedUids, peerOf, log }: AdminServerOptions,
  { idleTimeoutMs }: AdminLimits,
): Promise<void> {
  const { method, url } = request;
  let peer: Peer | null = null;
  try {
    peer = admit(peerOf(request.socket), allowedUids);
    const route = findRoute(routes, method, url);
    const body = await readJson(request);
    request.socket.setTimeout(0); // an activation takes as long as it takes
    log.info({ method, url, uid: peer.uid, pid: peer.pid }, 'admin command');
    send(response, 200, JSON.stringify((await route.handle(body)) ?? null), idleTimeoutMs);
  } catch (thrown) {
    const { http, code, message } = toFailure(thrown, request, log);
    const failure: AdminFailure = { error: { code, message } };
    send(response, http, JSON.stringify(failure), idleTimeoutMs);
  }
}

/** The peer, when it may command. Fails closed: who cannot be told is nobody. */
function admit(peer: Peer | null, allowedUids: readonly number[]): Peer {
  if (peer === null)
    throw new SidecarError('FORBIDDEN', 'The daemon cannot tell who asks, and so takes no command; its log says more.');
  if (allowedUids.includes(peer.uid)) return peer;
  throw new SidecarError('FORBIDDEN', `User ${peer.uid} may not command the daemon: run it with sudo.`, {
    cause: { uid: peer.uid, pid: peer.pid },
  });
}

function findRoute(routes: readonly AdminRoute[], method = '', url = ''): AdminRoute {
  const here = routes.filter(({ path }) => path === url);
  const route = here.find((one) => one.method === method);
  if (route !== undefined) return route;
  if (here.length === 0) throw new SidecarError('NOT_FOUND', `The daemon knows no command ${url}.`);
  throw new SidecarError(
    'METHOD_NOT_ALLOWED',
    `${url} takes ${here.map((one) => one.method).join(', ')}, not ${method}.`,
  );
}

function toFailure(thrown: unknown, { method, url }: IncomingMessage, log: Log) {
  if (thrown instanceof SidecarError) {
    const { code, message, cause, rule } = thrown;
    if (code === 'FORBIDDEN') log.warn({ method, url, ...(cause as object) }, `admin command refused: ${message}`);
    else log.info({ method, url, code }, `admin command failed: ${message}`);
    if (code !== 'INTERNAL') return { http: rule.http, code, message };
  }
  log.error({ method, url, err: thrown }, `admin command failed: ${messageOf(thrown)}`);
  return { http: ERRORS.INTERNAL.http, code: 'INTERNAL', message: "Internal error; the daemon's log has the cause." };
}

function send(response: ServerResponse, status: number, json: string, idleTimeoutMs: number): void {
  response.socket?.setTimeout(idleTimeoutMs);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(json),
    connection: 'close',
  });
  response.end(json);
}

const PROTOCOL_FAULTS: Readonly<Record<string, readonly [status: string, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request took too long to arrive.'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', `The head has more than ${HEAD_LIMIT_BYTES} bytes.`],
};

/** What cannot be parsed has no response object to answer with. */
function toRawReply(code = ''): string {
  const [status, message] = PROTOCOL_FAULTS[code] ?? ['400 Bad Request', 'This is not HTTP.'];
  const failure: AdminFailure = { error: { code: 'BAD_REQUEST', message } };
  const json = JSON.stringify(failure);
  const head = ['content-type: application/json', `content-length: ${Buffer.byteLength(json)}`, 'connection: close'];
  return [`HTTP/1.1 ${status}`, ...head, '', json].join('\r\n');
}

function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve()); // with the socket its file goes; when it is closed already, so be it
  server.closeAllConnections();
  return promise;
}
