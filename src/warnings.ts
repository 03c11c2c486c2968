import type { Log } from './core/log.ts';
import type { InputWarning } from './core/task.ts';
import { createLineLimit, type LineLimit, within } from './observe/line-limit.ts';
import type { Metrics } from './observe/metrics.ts';
import type { State } from './state.ts';

export interface WarningParts {
  readonly metrics: Metrics;
  readonly log: Log;
  readonly state: State;
}

const PERIOD_MS = 60_000;
const REMEDY =
  'send m/s², rad/s and µT; nothing was corrected, and the answer may mean nothing. Counted by hailo_input_warnings_total';

/** Counts what looks wrong with an input, and tells it once a minute: it is never corrected, so somebody has to hear of it. */
export function createWarningTeller({ metrics, log, state }: WarningParts) {
  const limits = new Map<string, LineLimit>();
  return ({ code, text }: InputWarning, route: string, fields: object): void => {
    metrics.inputWarning(route, code);
    const limit = limits.get(code) ?? createLineLimit(1, state.clock, PERIOD_MS);
    limits.set(code, limit);
    within(limit, (more) => log.warn({ ...fields, route, warning: code, ...more }, `${text}: ${REMEDY}`));
  };
}
