import type { SidecarError } from './core/errors.ts';
import type { Log } from './core/log.ts';
import { toThousandths } from './core/round.ts';
import type { ExchangeRecord } from './http/exchange-record.ts';
import { createLineLimit, type LineLimit, within } from './observe/line-limit.ts';
import type { Metrics } from './observe/metrics.ts';
import type { State } from './state.ts';
import { createWarningTeller } from './warnings.ts';

export interface RecorderParts {
  readonly metrics: Metrics;
  readonly log: Log;
  readonly state: State;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Lines per second, of requests and of failures each. */
const MAX_LINES = 20;
const WARNING_PERIOD_MS = 60_000;

/** What one exchange leaves behind: figures always, a log line when it failed here or when requests are logged. */
export function createRecorder(parts: RecorderParts): (exchange: ExchangeRecord) => void {
  const { metrics, log, state } = parts;
  const failures = createLineLimit(MAX_LINES, state.clock);
  const requests = createLineLimit(MAX_LINES, state.clock);
  const strangers = createLineLimit(1, state.clock, WARNING_PERIOD_MS);
  const warn = createWarningTeller(parts);
  return (exchange) => {
    metrics.exchange(exchange.route, toMethodLabel(exchange.method), exchange.status);
    if (exchange.kind === 'inference') recordInference(parts, exchange);
    if (exchange.code === 'UNAUTHORIZED') tellStranger(parts, strangers, exchange);
    for (const warning of exchange.warnings) warn(warning, exchange.route, { request_id: exchange.requestId });
    const failed = failedWindow(exchange);
    if (exchange.status >= 500 || failed !== null) logFailure(log, failures, exchange, failed);
    // an impossible answer: whoever gave it has to prove himself now, not in an hour
    if (exchange.code === 'BACKEND_FAILED' || failed !== null) void state.proof?.check();
    if (state.loaded.config.logging.requests) logRequest(log, requests, exchange);
  };
}

/** Somebody was turned away unread: clients that keep too many connections, or one who wants to keep others out. */
export function createRefusalRecorder({ metrics, log, state }: RecorderParts): () => void {
  const limit = createLineLimit(1, state.clock, WARNING_PERIOD_MS);
  return () => {
    metrics.connectionRefused();
    const most = state.loaded.config.server.max_connections;
    const text = `a connection was turned away: ${most} are open (server.max_connections); see hailo_http_connections_refused_total`;
    within(limit, (more) => log.warn(more, text));
  };
}

function logRequest(log: Log, limit: LineLimit, exchange: ExchangeRecord): void {
  within(limit, (more) => log.info({ ...toFields(exchange), ...more }, 'request'));
}

/** A client may invent methods; each would be a time series for ever. */
function toMethodLabel(method: string): string {
  return METHODS.has(method) ? method : 'other';
}

function recordInference({ metrics, state }: RecorderParts, exchange: ExchangeRecord): void {
  const model = exchange.inference?.model.split('@')[0] ?? state.manifest.name;
  if (exchange.inference !== null) state.answered(exchange.inference.inferMs);
  countWindows(metrics, exchange);
  // a window that was computed for nobody is no success
  if (exchange.code !== null) metrics.requestRefused(model, exchange.code);
  else metrics.requestAnswered(model, exchange.durationMs);
}

function countWindows(metrics: Metrics, { route, code, windows }: ExchangeRecord): void {
  if (windows === null) return metrics.windows(route, code ?? 'ok', 1);
  if (windows.answered > 0) metrics.windows(route, code ?? 'ok', windows.answered);
  for (const error of windows.failed) metrics.windows(route, error.code, 1);
}

/** A window of a batch that the backend failed on, whatever became of the others. */
function failedWindow({ windows }: ExchangeRecord): SidecarError | null {
  return windows?.failed.find((error) => error.rule.http === 500) ?? null;
}

/** One who forgot the token, or one who guesses it: at most a line a minute, with how many there were. */
function tellStranger({ log }: RecorderParts, limit: LineLimit, { requestId, route, error }: ExchangeRecord): void {
  const text = `A request was refused: ${error?.message ?? 'no valid token'}`;
  within(limit, (more) => log.warn({ request_id: requestId, route, ...more }, text));
}

/** A refusal under load is the plan, not news; a fault of ours is, also where it is told as a 503. */
function logFailure(log: Log, limit: LineLimit, exchange: ExchangeRecord, failed: SidecarError | null): void {
  const error = failed ?? exchange.error;
  const fields = { ...toFields(exchange), cause: causeOf(error) };
  const message = error?.message ?? 'request failed';
  if (exchange.status === 503 && error?.cause === undefined) return log.debug(fields, message);
  within(limit, (more) => log.error({ ...fields, err: error?.cause ?? error, ...more }, message));
}

function causeOf(error: SidecarError | null): string | undefined {
  return error?.cause instanceof Error ? error.cause.message : undefined;
}

function toFields(exchange: ExchangeRecord): object {
  const { requestId, method, route, status, code, inference } = exchange;
  return {
    request_id: requestId,
    method,
    route,
    status,
    code,
    duration_ms: toThousandths(exchange.durationMs),
    backend: inference?.backend,
    model: inference?.model,
  };
}
