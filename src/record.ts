import type { Log } from './core/log.ts';
import type { ExchangeRecord } from './http/exchange-record.ts';
import type { Metrics } from './observe/metrics.ts';
import type { State } from './state.ts';

export interface Recorder {
  readonly metrics: Metrics;
  readonly log: Log;
  readonly state: State;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** What one exchange leaves behind: figures always, a log line when it failed here or when requests are logged. */
export function record(recorder: Recorder, exchange: ExchangeRecord): void {
  recorder.metrics.exchange(exchange.route, toMethodLabel(exchange.method), exchange.status);
  if (exchange.kind === 'inference') recordInference(recorder, exchange);
  if (exchange.status >= 500) logFailure(recorder.log, exchange);
  if (recorder.state.loaded.config.logging.requests) recorder.log.info(toFields(exchange), 'request');
}

/** A client may invent methods; each would be a time series for ever. */
function toMethodLabel(method: string): string {
  return METHODS.has(method) ? method : 'other';
}

function recordInference({ metrics, state }: Recorder, exchange: ExchangeRecord): void {
  const model = state.manifest.name;
  if (exchange.inference !== null) state.answered(exchange.inference.inferMs);
  // a window that was computed for nobody is no success
  if (exchange.code !== null) metrics.requestRefused(model, exchange.code);
  else metrics.requestAnswered(model, exchange.durationMs);
}

/** A refusal under load is the plan, not news; a fault of ours is, also where it is told as a 503. */
function logFailure(log: Log, exchange: ExchangeRecord): void {
  const fields = { ...toFields(exchange), cause: causeOf(exchange) };
  const message = exchange.error?.message ?? 'request failed';
  if (exchange.status === 503 && exchange.error?.cause === undefined) log.debug(fields, message);
  else log.error({ ...fields, err: exchange.error?.cause ?? exchange.error }, message);
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
