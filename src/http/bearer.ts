import { hash, timingSafeEqual } from 'node:crypto';
import type { SidecarError } from '../core/errors.ts';
import type { Call } from '../core/task.ts';
import { Refusal } from './refusal.ts';

/** Why a request may not be answered; null when it may. */
export type Guard = (call: Pick<Call, 'method' | 'path' | 'header'>) => SidecarError | null;

/** What balancers and supervisors ask, who have no token: whether it serves, and nothing of what goes on. */
const OPEN_PATHS: ReadonlySet<string> = new Set([
  '/health',
  '/health/live',
  '/health/ready',
  '/healthz',
  '/v2/health/live',
  '/v2/health/ready',
]);
/** No token has a space, and a `.*?` between two runs of spaces takes the square of their length. */
const CREDENTIALS = /^bearer +(\S+) *$/i;

/** Browsers let a page say nothing else of its own with an upgrade; never echoed. What follows is the base64url of the token. */
export const BEARER_PROTOCOL = 'base64url.bearer.';

/** Lets in who has the token, whoever asks about health, and a browser that asks what it may ask. */
export function createBearerGuard(token: string): Guard {
  const expected = digestOf(token);
  return (call) => {
    if (isOpen(call) || isPreflight(call)) return null;
    const given = CREDENTIALS.exec(call.header('authorization'))?.[1] ?? offeredToken(call);
    if (given === undefined) return missing();
    // digests have one length, and the first byte in which they differ tells nothing of the token
    return timingSafeEqual(digestOf(given), expected) ? null : wrong();
  };
}

function offeredToken(call: Pick<Call, 'header'>): string | undefined {
  if (call.header('upgrade') === '') return undefined;
  const names = call.header('sec-websocket-protocol').split(',');
  const name = names.map((one) => one.trim()).find((one) => one.startsWith(BEARER_PROTOCOL));
  return name && Buffer.from(name.slice(BEARER_PROTOCOL.length), 'base64url').toString();
}

function digestOf(text: string): Uint8Array {
  return hash('sha256', text, 'buffer');
}

function isOpen({ method, path }: Pick<Call, 'method' | 'path'>): boolean {
  return (method === 'GET' || method === 'HEAD') && OPEN_PATHS.has(path);
}

/** Browsers never send credentials with one. */
function isPreflight(call: Pick<Call, 'method' | 'header'>): boolean {
  return (
    call.method === 'OPTIONS' && call.header('origin') !== '' && call.header('access-control-request-method') !== ''
  );
}

function missing(): Refusal {
  const how = 'send "Authorization: Bearer TOKEN" with the token that security.token_credential names';
  return unauthorised(`A token is needed: ${how}.`, 'Bearer');
}

function wrong(): Refusal {
  return unauthorised('The token is not the one that is in force.', 'Bearer error="invalid_token"');
}

function unauthorised(detail: string, challenge: string): Refusal {
  return new Refusal('UNAUTHORIZED', detail, [['WWW-Authenticate', challenge]]);
}
