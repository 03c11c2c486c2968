import { SidecarError } from '../core/errors.ts';
import type { Clock } from '../core/log.ts';
import type { SocketRoute } from '../core/socket.ts';
import type { Route } from '../core/task.ts';
import type { Guard } from './bearer.ts';
import type { BodyBudget } from './body-buffer.ts';
import { createConnectionCounter } from './connection-counter.ts';
import { createDrainGate } from './drain.ts';
import { createEvents } from './event-stream.ts';
import { Exchange } from './exchange.ts';
import type { ExchangeHost, RequestHead } from './exchange-host.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import { headerOf } from './framing.ts';
import { createRequestIds } from './request-id.ts';
import { createRoutingTable, normalisePath } from './routing.ts';
import { SocketDoor, upgradeRoutes } from './socket-door.ts';
import {
  type BoundAddress,
  type CertificateFiles,
  type Listener,
  listenOnTcp,
  type TcpListener,
} from './tcp-listener.ts';
import { createTurn } from './turn.ts';
import { listenOnUnix } from './unix-listener.ts';
import type { HttpRequest, HttpResponse, TemplatedApp, Uws } from './uws.ts';

export type { BoundAddress } from './tcp-listener.ts';
export type { Uws } from './uws.ts';

export interface ServerDeps {
  readonly uws: Uws;
  readonly routes: readonly Route[];
  /** A GET that is listed for the same path answers those who want no WebSocket. */
  readonly sockets?: readonly SocketRoute[];
  readonly clock: Clock;
  readonly limits: {
    readonly maxBodyBytes: number;
    /** By TCP, and as many on the Unix socket. */
    readonly maxConnections: number;
  };
  /** Read at each request, so that a reload takes effect at once. */
  settings(): { readonly corsOrigins: readonly string[] };
  /** Asked for each request that comes by TCP; null: everybody may ask everything. */
  readonly guard?: Guard | null;
  /** Called exactly once per request that reached us, when nothing of it runs any more. */
  onExchange(record: ExchangeRecord): void;
  /** What onExchange() threw. */
  onUnrecorded?(thrown: unknown): void;
  /** What a SocketListener threw, or who follows a reply; the connection is closed. */
  onFault?(thrown: unknown): void;
  /** A connection over the limit was turned away. */
  onConnectionRefused?(): void;
  /** Time for the rest of a refused body before its connection is closed; 500 by default. */
  readonly lingerMs?: number;
}

export interface HttpServer {
  /** Requests whose reply is not out, of those that go on too, and open WebSockets. */
  readonly inFlight: number;
  /** Open connections, of both doors. */
  readonly connections: number;
  /**
   * Listens exclusively, with TLS where there is a certificate; port 0 takes a free one. Call once.
   *
   * @throws SidecarError PORT_IN_USE, CONFIG_INVALID (a host, port or certificate that can't be had), UNAVAILABLE
   */
  listen(host: string, port: number, files?: CertificateFiles | null): Promise<BoundAddress>;
  /**
   * Listens at a path, for clients whom the permissions of the socket let in: they are not asked for anything else.
   *
   * @throws SidecarError PORT_IN_USE, UNAVAILABLE
   */
  listenAt(path: string, mode: number): Promise<void>;
  /** See TcpListener; only after a listen() with a certificate. */
  useCertificate(files: CertificateFiles): void;
  /**
   * From now on each reply closes its connection, or tells the client to where it is large, so that whoever keeps
   * connections leaves in order. All else goes on, and WebSockets are still opened.
   */
  closeWithReplies(): void;
  /**
   * Stops listening, answers new requests with SHUTTING_DOWN, ends replies that go on and tells open WebSockets to leave;
   * resolves when no request is in flight, every reply is out and every WebSocket closed, however long that takes. Idempotent.
   */
  drain(): Promise<void>;
  /** Closes all connections at once, whatever they were doing. Idempotent. */
  close(): void;
}

const DEFAULT_LINGER_MS = 500;
const MIN_BUDGET_BYTES = 64 << 20;
const text = new TextDecoder('latin1');

/** An HTTP server over uWebSockets.js that answers `routes` and nothing else. */
export function createServer(deps: ServerDeps): HttpServer {
  const { uws, limits } = deps;
  const corsOrigins = () => deps.settings().corsOrigins;
  const sockets = deps.sockets ?? [];
  const table = createRoutingTable([...deps.routes, ...upgradeRoutes(sockets, deps.routes, corsOrigins)]);
  const forms = [...new Set(deps.routes.flatMap(({ errorForm }) => errorForm ?? []))];
  const nextRequestId = createRequestIds();
  const budget: BodyBudget = { usedBytes: 0, limitBytes: Math.max(MIN_BUDGET_BYTES, 4 * limits.maxBodyBytes) };
  const gate = createDrainGate();
  const connections = createConnectionCounter(limits.maxConnections, () => deps.onConnectionRefused?.());
  const listeners: Listener[] = [];
  let tcp: TcpListener | null = null;
  let isLeaving = false;
  let isClosed = false;

  const onFault = (thrown: unknown) => deps.onFault?.(thrown);

  const tcpHost: ExchangeHost = {
    clock: deps.clock,
    maxBodyBytes: limits.maxBodyBytes,
    budget,
    lingerMs: deps.lingerMs ?? DEFAULT_LINGER_MS,
    corsOrigins,
    isDraining: () => gate.isDraining,
    isLeaving: () => isLeaving,
    peerOf: (stream) => text.decode((stream as HttpResponse).getRemoteAddressAsText()),
    guard: deps.guard ?? null,
    errorFormAt: (path) => forms.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`)) ?? null,
    takeTurn: createTurn(),
    createEvents: createEvents(gate, onFault),
    settled: record,
    left: gate.leave,
  };

  const unixHost: ExchangeHost = { ...tcpHost, peerOf: () => 'unix', guard: null };

  /** All apps of one door. */
  const answerFor = (host: ExchangeHost) => {
    const counter = connections.addDoor();
    const parts = { host, gate, toHead, onFault, onClosed: counter.socketClosed };
    const doors = sockets.map((route) => new SocketDoor(route, parts));
    return (app: TemplatedApp) => {
      app.any('/*', (response, request) => answer(host, response, request));
      for (const door of doors) door.prepare(app);
      counter.watch(app);
    };
  };

  function answer(host: ExchangeHost, response: HttpResponse, request: HttpRequest): void {
    gate.enter();
    const head = toHead(request);
    new Exchange(host, response, head).begin(table.find(head.path));
  }

  function toHead(request: HttpRequest): RequestHead {
    const headers = copyHeaders(request);
    return {
      method: request.getCaseSensitiveMethod(),
      path: normalisePath(request.getUrl()),
      query: request.getQuery() ?? '', // the types don't know: undefined without a "?"
      headers,
      requestId: nextRequestId(headerOf(headers, 'x-request-id')),
    };
  }

  /** The reply is on its way: what fails here is no fault of the request. */
  function record(exchange: ExchangeRecord): void {
    try {
      deps.onExchange(exchange);
    } catch (thrown) {
      deps.onUnrecorded?.(thrown);
    }
  }

  function stopListening(): void {
    for (const listener of listeners) listener.stop();
  }

  return {
    get inFlight() {
      return gate.inFlight;
    },
    get connections() {
      return connections.count;
    },
    listen: async (host, port, files = null) => {
      tcp = await listenOnTcp({ uws, prepare: answerFor(tcpHost), host, port, files });
      listeners.push(tcp);
      return tcp.address;
    },
    listenAt: async (path, mode) => {
      listeners.push(await listenOnUnix({ uws, prepare: answerFor(unixHost), path, mode }));
    },
    useCertificate: (files) => {
      if (tcp === null) throw new SidecarError('INTERNAL', 'There is no listener to give a certificate to.');
      tcp.useCertificate(files);
    },
    closeWithReplies: () => {
      isLeaving = true;
    },
    drain: () => {
      stopListening();
      return gate.drain();
    },
    close: () => {
      if (isClosed) return;
      isClosed = true;
      stopListening();
      for (const listener of listeners) listener.close();
    },
  };
}

/** Repeated names stay repeated: framing.ts must see them. */
function copyHeaders(request: HttpRequest): string[] {
  const headers: string[] = [];
  request.forEach((name, value) => void headers.push(name, value));
  return headers;
}
