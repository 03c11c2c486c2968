import { SidecarError, toSidecarError } from '../core/errors.ts';
import type { SocketRoute } from '../core/socket.ts';
import type { Route } from '../core/task.ts';
import { type DrainGate, shuttingDown } from './drain.ts';
import { Exchange } from './exchange.ts';
import type { ExchangeHost, RequestHead } from './exchange-host.ts';
import { NO_WARNINGS } from './exchange-record.ts';
import { headerOf, readFraming } from './framing.ts';
import { MOST_UNSENT_BYTES } from './most-unsent-bytes.ts';
import type { Match } from './routing.ts';
import { SocketConnection } from './socket-connection.ts';
import { checkUpgrade, chooseProtocol } from './upgrade.ts';
import type { HttpRequest, HttpResponse, TemplatedApp, UpgradeContext, WebSocketBehavior } from './uws.ts';

export interface SocketDoorParts {
  readonly host: ExchangeHost;
  readonly gate: DrainGate;
  toHead(request: HttpRequest): RequestHead;
  /** A listener has thrown. */
  onFault(thrown: unknown): void;
  /** A connection has closed that had been upgraded. */
  onClosed(): void;
}

interface UserData {
  readonly connection: SocketConnection;
}

/** A peer that says nothing is asked for a sign of life before, and is let go after this. */
const IDLE_SECONDS = 60;
/** The library cuts what is longer without a word; what is only a little too long gets its close frame. */
const GRACE_BYTES = 64 << 10;

/** What serves the WebSockets of one path to those who come by one door. */
export class SocketDoor {
  readonly #route: SocketRoute;
  readonly #parts: SocketDoorParts;

  constructor(route: SocketRoute, parts: SocketDoorParts) {
    this.#route = route;
    this.#parts = parts;
  }

  /** The library asks for the path to the letter, and forgets the query. */
  prepare(app: TemplatedApp): void {
    for (const path of [this.#route.path, `${this.#route.path}/`]) app.ws<UserData>(path, this.#behaviour());
  }

  #behaviour(): WebSocketBehavior<UserData> {
    return {
      maxPayloadLength: this.#route.maxMessageBytes + GRACE_BYTES,
      maxBackpressure: MOST_UNSENT_BYTES,
      idleTimeout: IDLE_SECONDS,
      sendPingsAutomatically: true,
      maxLifetime: 0,
      compression: 0,
      upgrade: (response, request, context) => this.#answer(response, request, context),
      open: (socket) => socket.getUserData().connection.opened(socket),
      message: (socket, message, isBinary) => socket.getUserData().connection.received(message, isBinary),
      drain: (socket) => socket.getUserData().connection.drained(),
      close: (socket, code) => socket.getUserData().connection.closed(code),
    };
  }

  #answer(response: HttpResponse, request: HttpRequest, context: UpgradeContext): void {
    const { host, gate } = this.#parts;
    const head = this.#parts.toHead(request);
    const peer = host.peerOf(response);
    gate.enter();
    try {
      this.#check(head, peer);
    } catch (thrown) {
      return new Exchange(host, response, head).begin(toRefusal(this.#route, toSidecarError(thrown)));
    }
    this.#upgrade(response, head, peer, context);
  }

  /** Throws what the client hears instead. */
  #check(head: RequestHead, peer: string): void {
    const { host } = this.#parts;
    const { method, path, query, requestId, headers } = head;
    const header = (name: string) => headerOf(headers, name);
    checkBody(head);
    const trespass = host.guard === null ? null : host.guard({ method, path, header });
    if (trespass !== null) throw trespass;
    if (host.isDraining()) throw shuttingDown();
    checkUpgrade({ header }, this.#route, host.corsOrigins());
    this.#route.admit({ peer, query, requestId, header });
  }

  #upgrade(response: HttpResponse, head: RequestHead, peer: string, context: UpgradeContext): void {
    const { host, gate, onFault, onClosed } = this.#parts;
    const { requestId, headers } = head;
    const connection = new SocketConnection(this.#route, { onFault, onClosed: left }, { peer, requestId });
    gate.lasting.add(connection);
    host.settled(toRecord(this.#route, head));
    response.writeStatus('101 Switching Protocols').writeHeader('X-Request-Id', requestId);
    const protocol = chooseProtocol(headerOf(headers, 'sec-websocket-protocol'), this.#route.protocol);
    response.upgrade({ connection }, headerOf(headers, 'sec-websocket-key'), protocol, '', context);

    function left(): void {
      gate.lasting.delete(connection);
      onClosed();
      gate.leave();
    }
  }
}

/** Where nothing else answers: what those hear who do not ask for a WebSocket in a way that the library knows. */
export function upgradeRoutes(
  sockets: readonly SocketRoute[],
  routes: readonly Route[],
  corsOrigins: () => readonly string[],
): readonly Route[] {
  const gets = new Set(routes.filter(({ method }) => method === 'GET').map(({ path }) => path));
  return sockets.filter(({ path }) => !gets.has(path)).map((route) => toUpgradeRoute(route, corsOrigins));
}

function toUpgradeRoute(route: SocketRoute, corsOrigins: () => readonly string[]): Route {
  return toRoute(route, (call) => {
    checkUpgrade(call, route, corsOrigins());
    throw new SidecarError('INTERNAL', 'A WebSocket was asked for in a form that was not expected.');
  });
}

function toRefusal(route: SocketRoute, error: SidecarError): Match {
  const refusing = toRoute(route, () => {
    throw error;
  });
  const get = { route: refusing, accepted: [] };
  return { place: { get, post: undefined, allow: 'GET, HEAD, OPTIONS', label: route.label }, params: {} };
}

function toRoute({ path, label }: SocketRoute, handle: Route['handle']): Route {
  return { method: 'GET', path, label, kind: 'service', doc: { summary: 'A WebSocket', responses: {} }, handle };
}

/** The library would take it for frames. */
function checkBody({ headers, method }: RequestHead): void {
  if (readFraming(headers, method).contentLength === 0) return;
  throw new SidecarError('BAD_REQUEST', 'A request for a WebSocket has no body.');
}

function toRecord({ label }: SocketRoute, { method, requestId }: RequestHead): Parameters<ExchangeHost['settled']>[0] {
  return {
    route: label,
    kind: 'service',
    method,
    status: 101,
    code: null,
    requestId,
    durationMs: 0,
    requestBytes: 0,
    responseBytes: 0,
    inference: null,
    windows: null,
    warnings: NO_WARNINGS,
    error: null,
    aborted: false,
  };
}
