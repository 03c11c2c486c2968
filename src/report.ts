import { existsSync } from 'node:fs';
import { publicView } from './config/public-view.ts';
import type { HealthReport } from './http/health.ts';
import { type Bundle, motifCount } from './models/bundle.ts';
import type { Metrics } from './observe/metrics.ts';
import type { Readings } from './observe/readings.ts';
import { toComparison, toModels } from './report-models.ts';
import type { State } from './state.ts';

/** The one judgement behind /healthz, /health, /health/ready and STATUS=. */
export function toHealth(state: State): HealthReport {
  const { manifest, backend } = state;
  const reason = state.failure();
  const { device, degraded, kind } = backend.state();
  return {
    ok: reason === null,
    status: reason === null ? (degraded === null ? 'healthy' : 'degraded') : 'unhealthy',
    ready: reason === null,
    ...(reason !== null && { reason }),
    model: manifest.name,
    model_version: manifest.version,
    model_sha256: state.onnxSha256,
    hef_sha256: state.hefSha256,
    motif_source: motifSource(state),
    backend: kind,
    device,
    degraded: degraded !== null,
    ...(degraded !== null && { degraded_reason: degraded }),
    latency_ms: state.lastInferenceMs,
    uptime_s: Math.floor((state.clock() - state.startedAt) / 1000),
    version: state.release.version,
    config_version: state.loaded.version16,
  };
}

/** Everything an operator wants, on one page; secrets hidden. */
export function toStatus(state: State): Record<string, unknown> {
  const { manifest, backend } = state;
  const loaded = state.loaded;
  const reason = state.failure();
  return {
    ready: reason === null,
    model_name: manifest.name,
    hef_path: state.hefPath,
    hef_exists: state.hefPath !== null && existsSync(state.hefPath),
    hailort_available: backend.kind === 'hailo' && backend.state().available,
    initialization_error: reason,
    last_inference_time: state.lastInferenceMs,
    num_motifs: motifCount(state.bundle),
    endpoint_status: state.endpoints(),
    api_version: state.release.version,
    health: toHealth(state),
    backend: backend.state(),
    device: backend.telemetry?.() ?? null,
    golden: state.golden,
    queue: state.model?.gate.stats() ?? null,
    streams: state.streams?.totals() ?? null,
    model: {
      bundle: state.bundle.directory,
      description: manifest.description,
      accuracy: manifest.accuracy,
      normalisation: manifest.normalisation,
      motif_labels: manifest.motifs.labels,
      licence: manifest.licence,
    },
    models: state.books && toModels(state, state.books),
    candidate: toComparison(state),
    config: publicView(loaded.config),
    config_origins: loaded.origins,
    config_warnings: loaded.warnings,
    process: { pid: process.pid, node: state.release.node, rss_bytes: process.memoryUsage.rss() },
  };
}

export function toRoot(state: State): Record<string, unknown> {
  return {
    service: 'hailo-tcn-sidecar',
    version: state.release.version,
    model_ready: state.failure() === null,
    endpoints: {
      infer: 'POST /infer',
      encode: 'POST /encode',
      test: 'POST /test',
      health: 'GET /healthz',
      status: 'GET /status',
      metrics: 'GET /metrics',
      docs: 'GET /docs',
      stream: 'GET /stream (WebSocket)',
      open_inference: 'GET /v2',
    },
    config: {
      hef_path: state.hefPath,
      num_motifs: motifCount(state.bundle),
      log_level: state.loaded.config.logging.level,
    },
  };
}

export function toReadings(state: State): Readings {
  const queue = state.model?.gate.stats() ?? null;
  const { kind, degraded } = state.backend.state();
  return {
    waiting: queue?.waiting ?? null,
    waitingInBatches: queue?.waitingInBatches ?? null,
    inFlight: queue?.inFlight ?? null,
    oldestMs: queue?.oldestMs ?? null,
    drops: queue,
    backend: kind,
    device: state.backend.telemetry?.() ?? null,
    golden: state.golden,
    isDegraded: degraded !== null,
    versions: state.seats.list().map(({ role, resident }) => ({
      model: resident.bundle.manifest.name,
      version: resident.bundle.manifest.version,
      role,
      isReady: resident.failure() === null,
      figures: resident.vitals.figures(),
      totals: resident.totals,
    })),
    candidate: state.compare()?.pairs ?? null,
    isOnProbation: state.probationMs() !== null,
    certificateExpiresAtMs: state.access?.certificate?.inForce.expiresAtMs ?? null,
    configOk: toConfigOk(state),
    streams: state.streams?.totals() ?? null,
  };
}

/** The info families: after a start, a reload, and each time the model goes out of service or comes back. */
export function showServed(metrics: Metrics, state: State): void {
  const { manifest, hefSha256, hefPath } = state;
  const served = {
    model: manifest.name,
    version: manifest.version,
    hefPath: hefPath ?? '',
    motifs: motifCount(state.bundle),
    device: state.backend.state().device,
  };
  metrics.modelServed(state.failure() === null ? served : null);
  const hefSha = hefSha256?.slice(0, 16) ?? 'none';
  metrics.build({ version: state.release.version, hefSha, config: state.loaded.version16 });
}

/** Expectations of the admin that the model does not meet, one sentence each; they never relabel it. */
export function unmetExpectations(state: Pick<State, 'manifest' | 'loaded'>): string[] {
  const { expect_version: version, expect_accuracy: accuracy } = state.loaded.config.model;
  const { manifest } = state;
  const unmet: string[] = [];
  if (version !== null && version !== manifest.version) {
    unmet.push(`model.expect_version is ${version}, but the model's version is ${manifest.version}.`);
  }
  const value = manifest.accuracy?.value;
  if (accuracy !== null && !isSameAccuracy(accuracy, value)) {
    unmet.push(`model.expect_accuracy is ${accuracy}, but the model states ${value ?? 'none'}.`);
  }
  return unmet;
}

function isSameAccuracy(expected: string, value: number | undefined): boolean {
  if (value === undefined) return false;
  const number = expected.endsWith('%') ? Number(expected.slice(0, -1)) / 100 : Number(expected);
  return Math.abs(number - value) < 5e-5;
}

function toConfigOk(state: State): Readings['configOk'] {
  const { yamlPath, version16 } = state.loaded;
  if (yamlPath === null) return null;
  const expected = state.expectedVersion() ?? 'invalid';
  const ok = expected === version16 && unmetExpectations(state).length === 0;
  return { ok, expected, actual: version16 };
}

/** Where motif scores come from; null when the model has no source and none may be made up. */
export function motifSource(state: State, { manifest }: Pick<Bundle, 'manifest'> = state): string | null {
  const { head } = manifest.motifs;
  if (head === null) return state.loaded.config.inference.allow_uncalibrated_motifs ? 'uncalibrated' : null;
  return head === 'output' ? 'output' : head.kind;
}
