/**
 * The one table of errors: code → HTTP status, process exit status, whether asking again may help.
 * Parsers and drivers throw SidecarError; only http/reply and main translate it for the outside.
 * Exit statuses follow sysexits.h; the unit file decides by them whether a restart makes sense.
 */
export interface ErrorRule {
  /** HTTP status when a request ends with it. */
  readonly http: number;
  /** Process exit status when a command or the daemon's start ends with it. */
  readonly exit: number;
  /** True when the same request may succeed a moment later: the reply carries Retry-After. */
  readonly retryable: boolean;
  readonly meaning: string;
}

const rule = (http: number, exit: number, retryable: boolean, meaning: string): ErrorRule => ({
  http,
  exit,
  retryable,
  meaning,
});

export const ERRORS = {
  INVALID_INPUT: rule(422, 65, false, 'the body is not what the endpoint accepts'),
  INVALID_UTF8: rule(400, 65, false, 'the body is not UTF-8'),
  BAD_REQUEST: rule(400, 65, false, 'the request is ambiguous or malformed'),
  UNAUTHORIZED: rule(401, 77, false, 'the request carries no valid bearer token'),
  NOT_FOUND: rule(404, 66, false, 'no such path'),
  METHOD_NOT_ALLOWED: rule(405, 64, false, 'the path exists, the method does not'),
  BODY_TOO_LARGE: rule(413, 65, false, 'the body exceeds server.max_body_bytes'),
  UNSUPPORTED_MEDIA_TYPE: rule(415, 65, false, 'the content type is plainly not JSON'),
  UPGRADE_REQUIRED: rule(426, 64, false, 'a WebSocket is served here, and the request asks for none'),
  BACKEND_FAILED: rule(500, 70, false, 'the backend failed on this window'),
  INTERNAL: rule(500, 70, false, 'a fault in this program'),
  RATE_LIMITED: rule(429, 75, true, 'the client sends more windows than its rate allows'),
  QUEUE_FULL: rule(503, 75, true, 'the queue is full'),
  DEADLINE_EXCEEDED: rule(503, 75, true, 'no answer is possible within the deadline'),
  STREAMS_FULL: rule(503, 75, true, 'there is no room for another stream'),
  STREAM_BREACH: rule(400, 65, false, 'the client of a stream does what its protocol does not allow'),
  NOT_READY: rule(503, 75, true, 'no verified model serves yet'),
  SHUTTING_DOWN: rule(503, 75, true, 'the daemon is draining'),
  BACKEND_UNAVAILABLE: rule(503, 69, true, 'the configured backend cannot run'),
  CLIENT_GONE: rule(503, 75, true, 'the client left before its window was run'),
  DEVICE_STALE: rule(503, 75, true, 'the device was re-created and this process may not open it: it must start anew'),
  NO_MOTIF_SOURCE: rule(503, 78, false, 'the model has neither motif scores nor a motif head'),
  USAGE: rule(400, 64, false, 'the command line is wrong'),
  MODEL_INVALID: rule(503, 65, false, 'the model bundle is corrupt or contradicts itself'),
  MODEL_UNTRUSTED: rule(503, 77, false, 'the model bundle is not signed by a key that the configuration trusts'),
  MODEL_REFUSED: rule(409, 1, false, 'a gate keeps the model from serving; the one before serves on'),
  MODEL_NOT_LOADED: rule(404, 66, false, 'the request names a model or version that is not loaded'),
  MODEL_MISSING: rule(503, 66, false, 'the model bundle is not there'),
  PORT_IN_USE: rule(503, 69, false, 'another program listens on the address'),
  UNAVAILABLE: rule(503, 69, false, 'something this command needs does not answer'),
  NATIVE_MISSING: rule(503, 71, false, 'a native part of the program cannot be loaded'),
  STOP_FAILED: rule(503, 70, false, 'a step of the stop failed'),
  FORBIDDEN: rule(403, 77, false, 'this user may not command the daemon, or a page of this origin not ask it'),
  CONFLICT: rule(409, 75, false, 'something else is changing the same thing right now, or has the last word'),
  STORE_FAILED: rule(503, 73, false, 'the model store cannot be read or written'),
  CHECK_FAILED: rule(503, 1, false, 'a check found something wrong'),
  CONFIG_UNREADABLE: rule(503, 78, false, 'the configuration cannot be read'),
  CONFIG_INVALID: rule(503, 78, false, 'the configuration is not valid'),
} as const satisfies Record<string, ErrorRule>;

export type ErrorCode = keyof typeof ERRORS;

/** One entry of a 422's `detail`, in the form FastAPI clients know. */
export interface ValidationItem {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  /** At most one scalar of the input, never the window. */
  readonly input?: string | number | boolean | null;
}

export interface SidecarErrorOptions {
  readonly cause?: unknown;
  /** The list behind a 422. */
  readonly items?: readonly ValidationItem[];
  /** When a retry is likely to succeed, in milliseconds from now. */
  readonly retryAfterMs?: number;
}

/** The plan, not a fault: they come by the thousand when a box is full, and where they were made is no news. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'RATE_LIMITED',
  'QUEUE_FULL',
  'DEADLINE_EXCEEDED',
  'CLIENT_GONE',
  'SHUTTING_DOWN',
  'STREAMS_FULL',
]);

/** `detail` is one sentence for a person: what happened, where, what to do next. */
export class SidecarError extends Error {
  readonly code: ErrorCode;
  readonly items: readonly ValidationItem[] | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, detail: string, options: SidecarErrorOptions = {}) {
    const { stackTraceLimit } = Error;
    if (REFUSALS.has(code)) Error.stackTraceLimit = 0;
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'SidecarError';
    this.code = code;
    this.items = options.items;
    this.retryAfterMs = options.retryAfterMs;
  }

  get rule(): ErrorRule {
    return ERRORS[this.code];
  }
}

/** Whatever was thrown, as a SidecarError; an unknown fault keeps its cause for the log and shows nothing outside. */
export function toSidecarError(thrown: unknown): SidecarError {
  if (thrown instanceof SidecarError) return thrown;
  return new SidecarError('INTERNAL', 'Internal error; the log has the cause under this request id.', {
    cause: thrown,
  });
}

/** What a client is told of an error: never its cause, never its stack. */
export function toErrorBody(error: SidecarError): object {
  const detail = error.rule.http === 422 ? (error.items ?? []) : error.message;
  return { error: { code: error.code, message: error.message }, detail };
}

const DEFAULT_RETRY_MS = 1000;

/** When to ask again, in whole milliseconds; null where that cannot help. */
export function retryMs({ rule, retryAfterMs = DEFAULT_RETRY_MS }: SidecarError): number | null {
  return rule.retryable ? Math.max(1, Math.ceil(retryAfterMs)) : null;
}

/** The same in whole seconds, as HTTP knows it, and as computed. */
export function retryHeaders(error: SidecarError): [name: string, value: string][] {
  const ms = retryMs(error);
  if (ms === null) return [];
  return [
    ['Retry-After', String(Math.ceil(ms / 1000))],
    ['Retry-After-Ms', String(ms)],
  ];
}

/** The sentence in an unknown throwable, for building a better one around it. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
