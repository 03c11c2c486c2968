import type { SidecarError } from './core/errors.ts';
import type { Log } from './core/log.ts';
import type { StreamChange, StreamDeps, StreamedWindow } from './core/streams.ts';
import { createLineLimit, within } from './observe/line-limit.ts';
import type { Metrics } from './observe/metrics.ts';
import type { State } from './state.ts';
import { createWarningTeller } from './warnings.ts';

export interface StreamRecordParts {
  readonly state: State;
  readonly metrics: Metrics;
  readonly log: Log;
}

const ROUTE = '/stream';
const PHRASES = {
  opened: 'a stream was opened',
  resumed: 'a stream was resumed',
  detached: 'a stream lost its connection',
  closed: 'a stream was closed',
  refused: 'a stream was refused',
} as const satisfies Record<StreamChange['what'], string>;
const DROPPED = 'windows of streams get no result (hailo_stream_windows_dropped_total)';
const DROPS_PERIOD_MS = 60_000;
/** Lines per second: a thousand sensors that reconnect together are one event. */
const MAX_LINES = 5;

/** What streams need of the daemon, and what they leave behind in its figures and its log. */
export function createStreamDeps(parts: StreamRecordParts): StreamDeps {
  const { state, log } = parts;
  const changes = createLineLimit(MAX_LINES, state.clock);
  const drops = createLineLimit(1, state.clock, DROPS_PERIOD_MS);
  const failures = createLineLimit(MAX_LINES, state.clock);
  const warn = createWarningTeller(parts);
  const fail = (error: SidecarError, fields: object) => {
    const all = { ...fields, route: ROUTE, code: error.code, err: error.cause ?? error };
    within(failures, (more) => log.error({ ...all, ...more }, error.message));
  };
  return {
    policy: () => toPolicy(state),
    backend: () => state.backend.state(),
    origin: () => state.url,
    hasDocs: state.loaded.config.server.docs,
    windowEnded: (window) => {
      record(parts, window);
      for (const warning of window.warnings) warn(warning, ROUTE, {});
      const { error } = window;
      if (error !== null)
        within(drops, (more) => log.warn({ route: ROUTE, code: error.code, ...more }, `${DROPPED}: ${error.message}`));
      if (error?.rule.http !== 500) return;
      void state.proof?.check(); // whoever gave an impossible answer proves himself now
      fail(error, {});
    },
    failed: (error, requestId) => fail(error, { request_id: requestId }),
    changed: (change) => within(changes, (more) => tell(log, change, more)),
  };
}

function toPolicy({ loaded }: State): ReturnType<StreamDeps['policy']> {
  const { streams } = loaded.config;
  return {
    most: streams.max,
    maxAgeMs: streams.max_age_ms,
    idleTimeoutMs: streams.idle_timeout_s * 1000,
    resumeMs: streams.resume_s * 1000,
    maxLoad: streams.max_load,
  };
}

function record({ state, metrics }: StreamRecordParts, { inference, error, durationMs }: StreamedWindow): void {
  metrics.windows(ROUTE, error?.code ?? 'ok', 1);
  if (inference === null) return;
  state.answered(inference.inferMs);
  metrics.streamedWindow(inference.model.split('@')[0]!, durationMs);
}

function tell(log: Log, { what, stream, name, peer, requestId, reason }: StreamChange, more: object): void {
  const fields = { stream, ...(name !== '' && { name }), peer, request_id: requestId, ...more };
  const line = `${PHRASES[what]}${reason === null ? '' : `: ${reason}`}`;
  if (what === 'refused') log.warn(fields, line);
  else log.info(fields, line);
}
