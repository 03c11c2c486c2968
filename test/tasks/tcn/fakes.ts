import type { Manifest, MotifHead } from '../../../src/core/manifest.ts';
import type { ServedModel, Ticket } from '../../../src/core/model.ts';
import type { StreamDeps } from '../../../src/core/streams.ts';
import type { Call, TaskDeps, TaskSettings } from '../../../src/core/task.ts';
import type { Tensors } from '../../../src/core/tensor.ts';

/** A model, a call and a clock for tests of the task; the model's answer is the test's. */
const UNITS = ['m/s2', 'm/s2', 'm/s2', 'rad/s', 'rad/s', 'rad/s', 'uT', 'uT', 'uT'];

export function manifest(changes: Partial<Manifest> = {}): Manifest {
  return {
    name: 'test-tcn',
    version: 'v1',
    task: 'tcn',
    description: 'for tests',
    accuracy: { value: 0.7213, dataset: 'none', source: 'none' },
    input: {
      name: 'imu_window',
      shape: [1, 100, 9],
      rate_hz: 100,
      channels: ['ax', 'ay', 'az', 'gx', 'gy', 'gz', 'mx', 'my', 'mz'],
      units: UNITS,
    },
    normalisation: {
      method: 'z_score_per_channel',
      mean: [0.12, -0.08, 9.78, 0.002, -0.001, 0.003, 22.4, -8.7, 43.2],
      std: [3.92, 3.87, 2.45, 1.24, 1.31, 0.98, 28.5, 31.2, 24.8],
      source: 'none',
    },
    outputs: {
      latent: { name: 'latent_embeddings', shape: [1, 64] },
      motif_scores: { name: 'motif_scores', shape: [1, 3] },
    },
    motifs: { labels: ['rest', 'walk', 'run'], head: 'output' },
    artefacts: [{ file: 'a.onnx', kind: 'onnx', sha256: '0'.repeat(64) }],
    golden: 'golden.json',
    licence: 'Apache-2.0',
    ...changes,
  };
}

/** No motif scores of its own. */
export function latentOnly(changes: Partial<Manifest> = {}): Manifest {
  const { latent } = manifest().outputs;
  return manifest({ outputs: { latent, motif_scores: null }, motifs: { labels: [], head: null }, ...changes });
}

export const latent = (): Float32Array => Float32Array.from({ length: 64 }, (_, i) => (i - 32) / 7);

export interface Scene {
  readonly deps: TaskDeps;
  /** What reached the runner. */
  readonly runs: { input: Float32Array; ticket: Ticket }[];
}

export interface SceneParts {
  readonly manifest?: Manifest;
  readonly head?: MotifHead | null;
  readonly settings?: Partial<TaskSettings>;
  readonly degraded?: string | null;
  readonly isInputFree?: boolean;
  outputs?(input: Float32Array): Tensors;
  served?(): ServedModel;
}

export function scene(parts: SceneParts = {}): Scene {
  const runs: Scene['runs'] = [];
  const facts = parts.manifest ?? manifest();
  const answer = { latent_embeddings: latent(), motif_scores: Float32Array.of(0.25, 0.5, 1) };
  const model: ServedModel = {
    id: `${facts.name}@${facts.version}`,
    manifest: facts,
    head: parts.head ?? null,
    runner: {
      refusal: () => null,
      pace: () => ({ windowsPerSecond: 1000, capacity: 1 }),
      async run(input, ticket) {
        runs.push({ input, ticket });
        const outputs = parts.outputs?.(input) ?? answer;
        return {
          outputs,
          backend: 'cpu',
          degraded: parts.degraded ?? null,
          queueMs: 0.5,
          inferMs: 1.25,
          serviceMs: 1.25,
          isInputFree: parts.isInputFree ?? false,
        };
      },
    },
  };
  let now = 1000;
  const settings = {
    deadlineMs: 40,
    maxDeadlineMs: 1000,
    maxBatchWindows: 64,
    validateInputRanges: true,
    allowUncalibratedMotifs: false,
    ...parts.settings,
  };
  const clock = () => now++;
  return {
    runs,
    deps: {
      served: parts.served ?? (() => model),
      settings: () => settings,
      admit: () => {},
      clock,
      streams: streamDeps(),
    },
  };
}

/** Streams of a daemon without limits that hurt. */
export function streamDeps(changes: Partial<StreamDeps> = {}): StreamDeps {
  return {
    policy: () => ({ most: 8, maxAgeMs: 1000, idleTimeoutMs: 60_000, resumeMs: 30_000, maxLoad: 0.8 }),
    backend: () => ({ kind: 'cpu', degraded: null }),
    origin: () => 'http://127.0.0.1:9000',
    hasDocs: true,
    windowEnded: () => {},
    changed: () => {},
    failed: () => {},
    ...changes,
  };
}

export function call(body: string | Uint8Array, changes: Partial<Call> = {}): Call {
  return {
    method: 'POST',
    path: '/infer',
    query: '',
    params: {},
    peer: '127.0.0.1',
    requestId: 'r1',
    header: () => '',
    body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
    receivedAt: 990,
    isGone: () => false,
    ...changes,
  };
}
