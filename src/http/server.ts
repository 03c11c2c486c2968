import { SidecarError } from '../core/errors.ts';
import type { Clock } from '../core/log.ts';
import type { Route } from '../core/task.ts';
import type { Guard } from './bearer.ts';
import type { BodyBudget } from './body-buffer.ts';
import { createDrainGate } from './drain.ts';
import { Exchange } from './exchange.ts';
import type { ExchangeHost } from './exchange-host.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import { headerOf } from './framing.ts';
import { createRequestIds } from './request-id.ts';
import { createRoutingTable, normalisePath } from './routing.ts';
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
  /** A connection over the limit was turned away. */
  onConnectionRefused?(): void;
  /** Time for the rest of a refused body before its connection is closed; 500 by default. */
  readonly lingerMs?: number;
}

export interface HttpServer {
  /** Requests whose reply is not out. */
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
   * connections leaves in order. All else goes on.
   */
  closeWithReplies(): void;
  /**
   * Stops listening and answers new requests with SHUTTING_DOWN; resolves when no request is in flight and every reply is
   * out, however long that takes. Idempotent.
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
  const table = createRoutingTable(deps.routes);
  const forms = [...new Set(deps.routes.flatMap(({ errorForm }) => errorForm ?? []))];
  const nextRequestId = createRequestIds();
  const budget: BodyBudget = { usedBytes: 0, limitBytes: Math.max(MIN_BUDGET_BYTES, 4 * limits.maxBodyBytes) };
  const gate = createDrainGate();
  const listeners: Listener[] = [];
  let tcp: TcpListener | null = null;
  let connections = 0; // of all doors
  let isLeaving = false;
  let isClosed = false;

  const tcpHost: ExchangeHost = {
    clock: deps.clock,
    maxBodyBytes: limits.maxBodyBytes,
    budget,
    lingerMs: deps.lingerMs ?? DEFAULT_LINGER_MS,
    corsOrigins: () => deps.settings().corsOrigins,
    isDraining: () => gate.isDraining,
    isLeaving: () => isLeaving,
    peerOf: (stream) => text.decode((stream as HttpResponse).getRemoteAddressAsText()),
    guard: deps.guard ?? null,
    errorFormAt: (path) => forms.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`)) ?? null,
    takeTurn: createTurn(),
    settled: record,
    left: gate.leave,
  };

  const unixHost: ExchangeHost = { ...tcpHost, peerOf: () => 'unix', guard: null };

  /** All apps of one door: strangers who fill the one do not lock anybody out of the other. */
  const answerFor = (host: ExchangeHost) => {
    const countConnection = createCounter();
    return (app: TemplatedApp) => {
      app.any('/*', (response, request) => answer(host, response, request));
      app.filter(countConnection);
    };
  };

  function answer(host: ExchangeHost, response: HttpResponse, request: HttpRequest): void {
    gate.enter();
    const path = normalisePath(request.getUrl());
    const headers = copyHeaders(request);
    const exchange = new Exchange(host, response, {
      method: request.getCaseSensitiveMethod(),
      path,
      query: request.getQuery() ?? '', // the types don't know: undefined without a "?"
      headers,
      requestId: nextRequestId(headerOf(headers, 'x-request-id')),
    });
    exchange.begin(table.find(path));
  }

  /** The reply is on its way: what fails here is no fault of the request. */
  function record(exchange: ExchangeRecord): void {
    try {
      deps.onExchange(exchange);
    } catch (thrown) {
      deps.onUnrecorded?.(thrown);
    }
  }

  function createCounter(): (response: HttpResponse, change: number | object) => void {
    let here = 0;
    return (response, change) => {
      here += Number(change);
      connections += Number(change);
      if (Number(change) < 1 || here <= limits.maxConnections) return;
      response.close(); // no request has been read yet, so nobody waits for a reply in a certain form
      deps.onConnectionRefused?.();
    };
  }

  function stopListening(): void {
    for (const listener of listeners) listener.stop();
  }

  return {
    get inFlight() {
      return gate.inFlight;
    },
    get connections() {
      return connections;
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
