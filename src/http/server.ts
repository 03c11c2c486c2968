import type * as uWebSockets from 'uWebSockets.js';
import type { HttpRequest, HttpResponse, ListenOptions, TemplatedApp, us_listen_socket } from 'uWebSockets.js';
import type { SidecarError } from '../core/errors.ts';
import type { Clock } from '../core/log.ts';
import type { Route } from '../core/task.ts';
import type { BodyBudget } from './body-buffer.ts';
import { createDrainGate } from './drain.ts';
import { Exchange } from './exchange.ts';
import type { ExchangeHost } from './exchange-host.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import { headerOf } from './framing.ts';
import { explainListenFailure, resolveHost } from './listen.ts';
import { createRequestIds } from './request-id.ts';
import { createRoutingTable, normalisePath } from './routing.ts';

declare module 'uWebSockets.js' {
  interface TemplatedApp {
    /** The binary takes host and options together; the shipped types don't know. */
    listen(
      host: string,
      port: number,
      options: ListenOptions,
      cb: (listenSocket: us_listen_socket | false) => void,
    ): TemplatedApp;
  }
}

/** The loaded library, as system/native hands it out. */
export type Uws = typeof uWebSockets;

export interface ServerDeps {
  readonly uws: Uws;
  readonly routes: readonly Route[];
  readonly clock: Clock;
  readonly limits: { readonly maxBodyBytes: number; readonly maxConnections: number };
  /** Read at each request, so that a reload takes effect at once. */
  settings(): { readonly corsOrigins: readonly string[] };
  /** Called exactly once per request that reached us, when nothing of it runs any more. */
  onExchange(record: ExchangeRecord): void;
  /** A connection over the limit was turned away. */
  onConnectionRefused?(): void;
  /** Time for the rest of a refused body before its connection is closed; 500 by default. */
  readonly lingerMs?: number;
}

export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

export interface HttpServer {
  /** Requests that are not settled. */
  readonly inFlight: number;
  /** Open connections. */
  readonly connections: number;
  /**
   * Listens exclusively; port 0 takes a free one. Call once.
   *
   * @throws SidecarError PORT_IN_USE, CONFIG_INVALID (a host or port that can't be had), UNAVAILABLE
   */
  listen(host: string, port: number): Promise<BoundAddress>;
  /** From now on each reply closes its connection, so that whoever keeps connections leaves in order. All else goes on. */
  closeWithReplies(): void;
  /**
   * Stops listening and answers new requests with SHUTTING_DOWN; resolves when no request is in flight, however long
   * that takes. Idempotent.
   */
  drain(): Promise<void>;
  /** Closes all connections at once, whatever they were doing. Idempotent. */
  close(): void;
}

/** LIBUS_LISTEN_EXCLUSIVE_PORT: without it a second daemon would silently share the port. */
const EXCLUSIVE = 1 as ListenOptions;
const DEFAULT_LINGER_MS = 500;
const MIN_BUDGET_BYTES = 64 << 20;
const text = new TextDecoder('latin1');

/** An HTTP server over uWebSockets.js that answers `routes` and nothing else. */
export function createServer(deps: ServerDeps): HttpServer {
  const { uws, limits } = deps;
  const app = uws.App();
  const table = createRoutingTable(deps.routes);
  const forms = [...new Set(deps.routes.flatMap(({ errorForm }) => errorForm ?? []))];
  const nextRequestId = createRequestIds();
  const budget: BodyBudget = { usedBytes: 0, limitBytes: Math.max(MIN_BUDGET_BYTES, 4 * limits.maxBodyBytes) };
  const gate = createDrainGate();
  let listening: us_listen_socket[] = [];
  let connections = 0;
  let isLeaving = false;
  let isClosed = false;

  const host: ExchangeHost = {
    clock: deps.clock,
    maxBodyBytes: limits.maxBodyBytes,
    budget,
    lingerMs: deps.lingerMs ?? DEFAULT_LINGER_MS,
    corsOrigins: () => deps.settings().corsOrigins,
    isDraining: () => gate.isDraining,
    isLeaving: () => isLeaving,
    peerOf: (stream) => text.decode((stream as HttpResponse).getRemoteAddressAsText()),
    errorFormAt: (path) => forms.find(({ prefix }) => path.startsWith(prefix)) ?? null,
    settled: (record) => {
      gate.leave();
      deps.onExchange(record);
    },
  };

  app.any('/*', (response, request) => {
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
  });

  app.filter(countConnection);

  function countConnection(response: HttpResponse, change: number | object): void {
    connections += Number(change);
    if (Number(change) < 1 || connections <= limits.maxConnections) return;
    response.close(); // no request has been read yet, so nobody waits for a reply in a certain form
    deps.onConnectionRefused?.();
  }

  function stopListening(): void {
    for (const socket of listening) uws.us_listen_socket_close(socket);
    listening = [];
  }

  return {
    get inFlight() {
      return gate.inFlight;
    },
    get connections() {
      return connections;
    },
    listen: async (name, port) => {
      let bound = port;
      let failure: SidecarError | null = null;
      for (const address of await resolveHost(name)) {
        const socket = listenExclusively(app, address, bound);
        if (socket !== false) {
          listening.push(socket);
          bound = uws.us_socket_local_port(socket as uWebSockets.us_socket);
          continue;
        }
        failure = await explainListenFailure(address, bound);
        if (failure.code !== 'CONFIG_INVALID') break;
      }
      // an address that the machine lacks (::1 without IPv6) is no reason to refuse the name's other one
      if (failure !== null && (listening.length === 0 || failure.code !== 'CONFIG_INVALID')) {
        stopListening();
        throw failure;
      }
      return { host: name, port: bound };
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
      app.close();
    },
  };
}

function listenExclusively(app: TemplatedApp, address: string, port: number): us_listen_socket | false {
  let listening: us_listen_socket | false = false;
  app.listen(address, port, EXCLUSIVE, (socket) => {
    listening = socket; // called before listen() returns
  });
  return listening;
}

/** Repeated names stay repeated: framing.ts must see them. */
function copyHeaders(request: HttpRequest): string[] {
  const headers: string[] = [];
  request.forEach((name, value) => void headers.push(name, value));
  return headers;
}
