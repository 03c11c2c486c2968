import { SidecarError } from '../core/errors.ts';
import type { SocketRoute } from '../core/socket.ts';
import type { Call, Header } from '../core/task.ts';
import { BEARER_PROTOCOL } from './bearer.ts';
import { isAllowedOrigin } from './cors.ts';
import { Refusal } from './refusal.ts';

const VERSION = '13';
/** Sixteen bytes. */
const KEY = /^[A-Za-z0-9+/]{22}==$/;
const HOW = 'GET /docs/stream shows how';

/** Throws what a client hears who may not have a WebSocket here; whether it may ask at all was judged before. */
export function checkUpgrade(call: Pick<Call, 'header'>, route: SocketRoute, origins: readonly string[]): void {
  checkHandshake(call, route.path);
  checkOrigin(call.header('origin'), origins);
  chooseProtocol(call.header('sec-websocket-protocol'), route.protocol);
}

function checkHandshake(call: Pick<Call, 'header'>, path: string): void {
  if (!listOf(call.header('upgrade').toLowerCase()).includes('websocket')) {
    throw upgradeRequired(`At ${path} a WebSocket is served, nothing else; ${HOW}.`);
  }
  if (call.header('sec-websocket-version') !== VERSION) {
    throw upgradeRequired(`Of the WebSocket protocol version ${VERSION} is spoken (RFC 6455); ${HOW}.`, [
      ['Sec-WebSocket-Version', VERSION],
    ]);
  }
  if (!KEY.test(call.header('sec-websocket-key'))) {
    throw new SidecarError('BAD_REQUEST', 'Sec-WebSocket-Key is not the base64 of 16 bytes.');
  }
}

/** Says what would be served. */
function upgradeRequired(detail: string, headers: readonly Header[] = []): Refusal {
  return new Refusal('UPGRADE_REQUIRED', detail, [['Upgrade', 'websocket'], ...headers]);
}

/** No page may open what it may not read: the browser would let it, and send its user's credentials. */
function checkOrigin(origin: string, origins: readonly string[]): void {
  if (origin === '' || isAllowedOrigin(origin, origins)) return;
  throw new SidecarError('FORBIDDEN', 'Pages of this origin are not served; server.cors_origins lists those that are.');
}

/** What the upgrade says of it; "" for a client that offers none. Throws BAD_REQUEST for one that offers only others. */
export function chooseProtocol(offered: string, protocol: string): string {
  if (offered === '') return '';
  const names = listOf(offered);
  if (names.includes(protocol)) return protocol;
  const beside = names.some((name) => name.startsWith(BEARER_PROTOCOL)) ? ', also beside a token' : '';
  throw new SidecarError('BAD_REQUEST', `The only Sec-WebSocket-Protocol served is ${protocol}: offer it${beside}.`);
}

function listOf(value: string): readonly string[] {
  return value.split(',').map((name) => name.trim());
}
