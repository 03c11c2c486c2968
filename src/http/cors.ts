import type { Call, Header, Reply } from '../core/task.ts';

const EXPOSED = [
  'X-Request-Id',
  'X-Backend',
  'X-Model',
  'X-Degraded',
  'X-Motif-Source',
  'X-Inference-Time-Ms',
  'Server-Timing',
  'X-Input-Warning',
  'X-Tensors',
  'X-Batch-Failed',
  'X-Batch-Errors',
  'Inference-Header-Content-Length',
  'Retry-After',
  'Retry-After-Ms',
  'WWW-Authenticate',
  'Allow',
].join(', ');
const DEFAULT_HEADERS = 'Content-Type, X-Request-Id, Authorization';
const MAX_AGE_S = '600';
const HEADER_NAMES = /^[A-Za-z0-9-]+(\s*,\s*[A-Za-z0-9-]+){0,31}$/;

const NONE: readonly Header[] = [];
const VARY: readonly Header[] = [['Vary', 'Origin']];
const ANYONE: readonly Header[] = [
  ['Access-Control-Allow-Origin', '*'],
  ['Access-Control-Expose-Headers', EXPOSED],
];

/** Headers that let a page of `origin` read the reply. Without CORS in the request, or an allowed origin: none. */
export function corsHeaders(origin: string, allowed: readonly string[]): readonly Header[] {
  if (allowed.includes('*')) return origin === '' ? NONE : ANYONE;
  if (origin === '' || !allowed.includes(origin)) return VARY;
  return [['Access-Control-Allow-Origin', origin], ['Access-Control-Expose-Headers', EXPOSED], ...VARY];
}

/** The answer to OPTIONS: what may be asked, and what a page of the origin may ask. */
export function toPreflight(call: Pick<Call, 'header'>, allow: string, allowed: readonly string[]): Reply {
  const headers: Header[] = [['Allow', allow]];
  if (isAllowedOrigin(call.header('origin'), allowed)) {
    headers.push(...preflightHeaders(allow, call.header('access-control-request-headers')));
  }
  return { status: 204, contentType: '', headers, body: '', inference: null };
}

/** What a preflight adds to corsHeaders: the methods and headers that the page may use. */
export function preflightHeaders(methods: string, requestedHeaders: string): readonly Header[] {
  return [
    ['Access-Control-Allow-Methods', methods],
    ['Access-Control-Allow-Headers', HEADER_NAMES.test(requestedHeaders) ? requestedHeaders : DEFAULT_HEADERS],
    ['Access-Control-Max-Age', MAX_AGE_S],
  ];
}

/** True when these headers let the origin in; a preflight of any other gets no permissions. */
export function isAllowedOrigin(origin: string, allowed: readonly string[]): boolean {
  return origin !== '' && (allowed.includes('*') || allowed.includes(origin));
}
