import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { createTurns } from '../core/turns.ts';
import { createDurationHistogram } from './duration-histogram.ts';
import { type Readings, registerReadings } from './readings.ts';
import { createTally } from './tally.ts';

/** What is served, for the info families; null while nothing is. */
export interface ServedFacts {
  readonly model: string;
  readonly version: string;
  /** Empty when no .hef is part of the bundle. */
  readonly hefPath: string;
  /** null: the model has no scores of its own. */
  readonly motifs: number | null;
  readonly device: string;
}

export interface BuildFacts {
  readonly version: string;
  /** First 16 hex of the .hef's digest, or "none". */
  readonly hefSha: string;
  readonly config: string;
}

export interface Metrics {
  requestAnswered(model: string, durationMs: number): void;
  requestRefused(model: string, errorType: string): void;
  exchange(route: string, method: string, status: number): void;
  /** Windows that a door let in or refused; `outcome` is "ok" or an error code. */
  windows(route: string, outcome: string, count: number): void;
  /** A window of a stream has a result. */
  streamedWindow(model: string, durationMs: number): void;
  /** A window was accepted that looks wrong. */
  inputWarning(route: string, warning: string): void;
  healthCheck(isHealthy: boolean): void;
  /** A connection over server.max_connections was turned away. */
  connectionRefused(): void;
  modelServed(facts: ServedFacts | null): void;
  build(facts: BuildFacts): void;
  /** Page in Prometheus' text format 0.0.4, or OpenMetrics 1.0 when asked for. */
  page(isOpenMetrics: boolean): Promise<string>;
}

const DURATION_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Every metric of the daemon. The `hailo_` families are registered after the process ones: scripts rely on it. */
export function createMetrics(read: () => Readings): Metrics {
  const registry = new Registry();
  // 10 ms, the default, would wake an idle box 100 times a second
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  for (const figure of ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99']) {
    registry.removeSingleMetric(`nodejs_eventloop_lag_${figure}_seconds`); // they hold the sampling interval, not the lag
  }
  const registers = [registry];
  const requests = new Counter({
    name: 'hailo_inference_requests_total',
    help: 'Inference requests by outcome, refusals included.',
    labelNames: ['status', 'model'] as const,
    registers,
  });
  const durations = createDurationHistogram({
    name: 'hailo_inference_duration_seconds',
    help: 'Last byte of the body to the reply, answered inference requests.',
    labelName: 'model',
    buckets: DURATION_BUCKETS,
    registers,
  });
  const streamed = createDurationHistogram({
    name: 'hailo_stream_window_duration_seconds',
    help: 'Last sample of a window to its result, windows of streams.',
    labelName: 'model',
    buckets: DURATION_BUCKETS,
    registers,
  });
  const errors = new Counter({
    name: 'hailo_errors_total',
    help: 'Refused or failed inference requests by error code.',
    labelNames: ['error_type', 'model'] as const,
    registers,
  });
  const loaded = new Gauge({
    name: 'hailo_model_loaded',
    help: '1 while the model is verified and serves.',
    labelNames: ['model', 'version'] as const,
    registers,
  });
  const info = new Gauge({
    name: 'hailo_model_info',
    help: 'What serves; always 1.',
    labelNames: ['model', 'hef_path', 'motifs', 'device'] as const,
    registers,
  });
  const health = new Counter({
    name: 'hailo_health_checks_total',
    help: 'Health checks by answer.',
    labelNames: ['status'] as const,
    registers,
  });
  const build = new Gauge({
    name: 'hailo_build_info',
    help: 'Version, first 16 hex of the .hef digest, configuration in force; always 1.',
    labelNames: ['version', 'hef_sha', 'config'] as const,
    registers,
  });
  const exchanges = new Counter({
    name: 'hailo_http_requests_total',
    help: 'HTTP exchanges by route.',
    labelNames: ['route', 'method', 'status'] as const,
    registers,
  });
  const windows = new Counter({
    name: 'hailo_windows_total',
    help: 'Windows by the route they came in at and their outcome: ok or an error code. A request that is refused as a whole counts as one.',
    labelNames: ['route', 'outcome'] as const,
    registers,
  });
  const inputWarnings = new Counter({
    name: 'hailo_input_warnings_total',
    help: 'Requests whose input looks wrong though it is in range, such as a gyroscope in deg/s.',
    labelNames: ['warning', 'route'] as const,
    registers,
  });
  const connectionsRefused = new Counter({
    name: 'hailo_http_connections_refused_total',
    help: 'Connections over server.max_connections, turned away unread.',
    registers,
  });
  new Gauge({
    name: 'hailo_sidecar_start_time_seconds',
    help: 'Unix time at which the daemon started.',
    registers,
  }).set(Math.round(Date.now() / 1000 - process.uptime()));
  let reading: Readings | null = null;
  registerReadings(registers, () => {
    reading ??= read(); // dear, and asked for by every family: once for a page, whose figures are then of one moment
    return reading;
  });
  const inTurn = createTurns(); // a page keeps its reading until it is made
  const answered = createTally(requests, ['status', 'model']);
  const windowed = createTally(windows, ['route', 'outcome']);
  const failed = createTally(errors, ['error_type', 'model']);
  const exchanged = createTally(exchanges, ['route', 'method', 'status']);
  return {
    requestAnswered: (model, durationMs) => {
      answered.add('success', model);
      durations.observe(model, durationMs / 1000);
    },
    requestRefused: (model, errorType) => {
      answered.add('error', model);
      failed.add(errorType, model);
    },
    exchange: (route, method, status) => exchanged.add(route, method, String(status)),
    windows: (route, outcome, count) => windowed.addMany(count, route, outcome),
    streamedWindow: (model, durationMs) => streamed.observe(model, durationMs / 1000),
    inputWarning: (route, warning) => inputWarnings.inc({ warning, route }),
    connectionRefused: () => connectionsRefused.inc(),
    healthCheck: (isHealthy) => health.inc({ status: isHealthy ? 'healthy' : 'unhealthy' }),
    modelServed: (facts) => showServed(loaded, info, facts),
    build: (facts) => {
      build.reset();
      build.set({ version: facts.version, hef_sha: facts.hefSha, config: facts.config }, 1);
    },
    page: (isOpenMetrics) =>
      inTurn(async () => {
        reading = null;
        answered.flush();
        failed.flush();
        exchanged.flush();
        windowed.flush();
        const page = await registry.metrics();
        return isOpenMetrics ? toOpenMetrics(page) : page;
      }),
  };
}

function showServed(loaded: Gauge<'model' | 'version'>, info: Gauge, facts: ServedFacts | null): void {
  loaded.reset();
  info.reset();
  if (facts === null) return;
  loaded.set({ model: facts.model, version: facts.version }, 1);
  const { model, hefPath, motifs, device } = facts;
  info.set({ model, hef_path: hefPath, motifs: motifs === null ? '' : String(motifs), device }, 1);
}

/**
 * The same page as OpenMetrics: counter families lose their `_total`, samples keep it, blank lines go, `# EOF` ends it.
 * Done on the text because the registry's own OpenMetrics mode renames its counters for good, breaking the other page.
 */
export function toOpenMetrics(page: string): string {
  const counters = new Set([...page.matchAll(/^# TYPE (\S+)_total counter$/gm)].map((match) => match[1]));
  const lines = page.split('\n').filter((line) => line !== '');
  const renamed = lines.map((line) =>
    line.replace(/^# (HELP|TYPE) (\S+?)_total /, (whole, word: string, name: string) =>
      counters.has(name) ? `# ${word} ${name} ` : whole,
    ),
  );
  return `${renamed.join('\n')}\n# EOF\n`;
}
