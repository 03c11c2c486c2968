import type { Log } from './core/log.ts';
import type { ExchangeRecord } from './http/exchange-record.ts';
import { createLineLimit, type LineLimit } from './observe/line-limit.ts';
import type { Metrics } from './observe/metrics.ts';
import type { State } from './state.ts';

export interface RecorderParts {
  readonly metrics: Metrics;
  readonly log: Log;
  readonly state: State;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Lines per second, of requests and of failures each. */
const MAX_LINES = 20;

/** What one exchange leaves behind: figures always, a log line when it failed here or when requests are logged. */
export function createRecorder(parts: RecorderParts): (exchange: ExchangeRecord) => void {
  const { metrics, log, state } = parts;
  const failures = createLineLimit(MAX_LINES, state.clock);
  const requests = createLineLimit(MAX_LINES, state.clock);
  return (exchange) => {
    metrics.exchange(exchange.route, toMethodLabel(exchange.method), exchange.status);
    if (exchange.kind === 'inference') recordInference(parts, exchange);
    if (exchange.status >= 500) logFailure(log, failures, exchange);
    // an impossible answer: whoever gave it has to prove himself now, not in an hour
    if (exchange.code === 'BACKEND_FAILED') void state.proof?.check();
    if (state.loaded.config.logging.requests) logRequest(log, requests, exchange);
  };
}

function logRequest(log: Log, limit: LineLimit, exchange: ExchangeRecord): void {
  const { isOpen, suppressed } = limit();
  if (isOpen) log.info({ ...toFields(exchange), ...(suppressed > 0 && { suppressed }) }, 'request');
}

/** A client may invent methods; each would be a time series for ever. */
function toMethodLabel(method: string): string {
  return METHODS.has(method) ? method : 'other';
}

function recordInference({ metrics, state }: RecorderParts, exchange: ExchangeRecord): void {
  const model = exchange.inference?.model.split('@')[0] ?? state.manifest.name;
  if (exchange.inference !== null) state.answered(exchange.inference.inferMs);
  // a window that was computed for nobody is no success
  if (exchange.code !== null) metrics.requestRefused(model, exchange.code);
  else metrics.requestAnswered(model, exchange.durationMs);
}

/** A refusal under load is the plan, not news; a fault of ours is, also where it is told as a 503. */
function logFailure(log: Log, limit: LineLimit, exchange: ExchangeRecord): void {
  const fields = { ...toFields(exchange), cause: causeOf(exchange) };
  const message = exchange.error?.message ?? 'request failed';
  if (exchange.status === 503 && exchange.error?.cause === undefined) return log.debug(fields, message);
  const { isOpen, suppressed } = limit();
  const err = exchange.error?.cause ?? exchange.error;
  if (isOpen) log.error({ ...fields, err, ...(suppressed > 0 && { suppressed }) }, message);
}

function causeOf({ error }: ExchangeRecord): string | undefined {
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
    duration_ms: Math.round(exchange.durationMs * 1000) / 1000,
    backend: inference?.backend,
    model: inference?.model,
  };
}
