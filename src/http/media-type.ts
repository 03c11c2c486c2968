import { SidecarError } from '../core/errors.ts';
import { JSON_TYPE } from '../core/media-types.ts';
import type { Route } from '../core/task.ts';

export const JSON_TYPES: readonly string[] = [JSON_TYPE, 'application/*+json'];
const ANY: readonly string[] = ['*/*'];

/** What HTTP clients put on a JSON body when nobody told them better, `curl -d` first of all. */
const CARELESS = new Set(['application/x-www-form-urlencoded', 'text/plain', 'text/json', 'text/x-json']);

/** The media types a route takes; see Route.accepts. */
export function acceptedTypes(route: Route): readonly string[] {
  if (route.accepts !== undefined) return route.accepts;
  return route.method === 'POST' && route.kind === 'inference' ? JSON_TYPES : ANY;
}

/**
 * Checks a request's Content-Type and Content-Encoding against what the route takes. No type at all is fine.
 *
 * @throws SidecarError INVALID_INPUT for a type that careless clients send with JSON, UNSUPPORTED_MEDIA_TYPE for one
 *   that is plainly something else.
 */
export function checkMediaType(contentType: string, contentEncoding: string, accepted: readonly string[]): void {
  if (accepted.includes('*/*')) return;
  if (contentEncoding !== '' && contentEncoding.toLowerCase() !== 'identity') throw compressed();
  if (contentType === '' || accepted.includes(contentType)) return; // as nearly everybody writes it
  const type = (contentType.split(';', 1)[0] as string).trim().toLowerCase();
  if (type === '' || accepted.some((pattern) => isMatch(pattern, type))) return;
  throw CARELESS.has(type) || !type.includes('/') ? carelessType(accepted) : foreignType(accepted);
}

function isMatch(pattern: string, type: string): boolean {
  const star = pattern.indexOf('*');
  if (star === -1) return pattern === type;
  const [head, tail] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return type.length > head.length + tail.length && type.startsWith(head) && type.endsWith(tail);
}

function carelessType(accepted: readonly string[]): SidecarError {
  const msg = `The Content-Type does not fit the body; send Content-Type: ${accepted[0]}`;
  return new SidecarError('INVALID_INPUT', `${msg}.`, {
    items: [{ type: 'model_attributes_type', loc: ['body'], msg }],
  });
}

function foreignType(accepted: readonly string[]): SidecarError {
  return new SidecarError('UNSUPPORTED_MEDIA_TYPE', `This Content-Type is not served here; send ${accepted[0]}.`);
}

function compressed(): SidecarError {
  return new SidecarError(
    'UNSUPPORTED_MEDIA_TYPE',
    'Compressed bodies are not served; send it without Content-Encoding.',
  );
}
