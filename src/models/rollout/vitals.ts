import type { BackendKind } from '../../core/backend.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { Clock } from '../../core/log.ts';
import type { TimedInference } from '../../core/model.ts';
import type { Vectors } from '../../core/task.ts';
import { createConstancy } from './constancy.ts';
import { createSamples, type Latency, type Samples } from './samples.ts';

/** What one loaded model version has done since it was loaded. */
export interface VitalFigures {
  /** Milliseconds since it was loaded. */
  readonly ageMs: number;
  readonly answered: number;
  /** The model's own faults: BACKEND_FAILED, INTERNAL, and answers that were no numbers. */
  readonly errors: number;
  /** Of the errors: a latent with a number that is not finite. */
  readonly notFinite: number;
  /** Windows whose deadline passed. */
  readonly late: number;
  /** errors ÷ (answered + errors); null before the first. */
  readonly errorRatio: number | null;
  /** Time of a window in the backend, without that of others before it there, of the last 1024 windows wherever they were computed. */
  readonly latencyMs: Latency | null;
  /** The same by where they were computed; only this can be compared between versions. */
  readonly latencyByBackend: ReadonlyMap<BackendKind, Latency>;
  /** Where most windows were computed; null before the first. */
  readonly backend: BackendKind | null;
  /** Whether all latents are the same, see createConstancy; null: the inputs did not differ enough yet to know. */
  readonly isConstant: boolean | null;
  /** Index of the motif with the highest score → how many windows; empty for a model without scores. */
  readonly topMotifs: ReadonlyMap<number, number>;
}

/** Constant time and memory for each window; figures() sorts and copies, for who looks now and then. */
export interface Vitals {
  /**
   * `input` is the model's input of this window and only looked at; the latent of a version always has the same length.
   *
   * @param vectors null: nobody wants to know what was answered, only how fast
   */
  answered(inference: TimedInference, vectors: Vectors | null, input: Float32Array): void;
  failed(code: ErrorCode): void;
  /** It answered with numbers that are not finite, and the window is not to blame. */
  invalid(): void;
  figures(): VitalFigures;
}

export interface VitalsParts {
  readonly clock: Clock;
}

/** error: the model's own fault; late: it was too slow, or too busy; refusal: load, a lost device, the client or a stop. */
export type FailureKind = 'error' | 'late' | 'refusal';

export function toFailureKind(code: ErrorCode): FailureKind {
  if (code === 'DEADLINE_EXCEEDED') return 'late';
  return code === 'BACKEND_FAILED' || code === 'INTERNAL' ? 'error' : 'refusal';
}

interface Place {
  answered: number;
  readonly samples: Samples;
}

export function createVitals({ clock }: VitalsParts): Vitals {
  const loadedAt = clock();
  const counts = { answered: 0, errors: 0, notFinite: 0, late: 0 };
  const times = createSamples();
  const places = new Map<BackendKind, Place>();
  const constancy = createConstancy();
  const motifs = createMotifCount();

  function answered({ backend, serviceMs }: TimedInference, vectors: Vectors | null, input: Float32Array): void {
    if (vectors !== null && !isFiniteVector(vectors.latent)) {
      counts.errors += 1;
      counts.notFinite += 1;
      return; // one of them would make every later mean a NaN
    }
    counts.answered += 1;
    times.add(serviceMs);
    const place = places.get(backend) ?? openPlace(backend);
    place.answered += 1;
    place.samples.add(serviceMs);
    if (vectors === null) return;
    const { latent, scores } = vectors;
    constancy.add(latent, input);
    if (scores !== null) motifs.add(scores);
  }

  function openPlace(backend: BackendKind): Place {
    const place = { answered: 0, samples: createSamples() };
    places.set(backend, place);
    return place;
  }

  function failed(code: ErrorCode): void {
    const kind = toFailureKind(code);
    if (kind === 'error') counts.errors += 1;
    if (kind === 'late') counts.late += 1;
  }

  return {
    answered,
    failed,
    invalid: () => {
      counts.errors += 1;
      counts.notFinite += 1;
    },
    figures: () => ({
      ageMs: clock() - loadedAt,
      ...counts,
      errorRatio: toRatio(counts.errors, counts.answered + counts.errors),
      latencyMs: times.latency(),
      latencyByBackend: new Map([...places].map(([kind, { samples }]) => [kind, samples.latency()!])),
      backend: busiest(places),
      isConstant: constancy.isConstant(),
      topMotifs: motifs.figures(),
    }),
  };
}

/** null when nothing was counted. */
export function toRatio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** Index of the largest number; the first of equals, -1 of none. */
export function indexOfMax(values: Float32Array): number {
  let best = values.length === 0 ? -1 : 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** A sum of float32 values cannot overflow a float64, so that it is finite exactly when all of them are. */
function isFiniteVector(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return Number.isFinite(sum);
}

function busiest(places: ReadonlyMap<BackendKind, Place>): BackendKind | null {
  let best: BackendKind | null = null;
  for (const [kind, { answered }] of places) {
    if (best === null || answered > places.get(best)!.answered) best = kind;
  }
  return best;
}

function createMotifCount() {
  let counts = new Float64Array(0);
  return {
    add: (scores: Float32Array) => {
      if (counts.length === 0) counts = new Float64Array(scores.length);
      counts[indexOfMax(scores)]! += 1;
    },
    figures: () => new Map([...counts.entries()].filter(([, count]) => count > 0)),
  };
}
