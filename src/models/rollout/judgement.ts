import type { BackendKind } from '../../core/backend.ts';
import {
  isTooSlow,
  LATENCY_FLOOR_MS,
  MIN_FOR_ERRORS,
  MIN_FOR_LATENCY,
  type RolloutLimits,
  showMs,
  showPercent,
} from './rollout-limits.ts';
import type { VitalFigures } from './vitals.ts';

/** Of the model on probation and of its predecessor, on the same windows; see toDrift. */
export interface DriftFigures {
  readonly windows: number;
  readonly now: number;
  readonly before: number;
}

/** One or two failures may have any cause. */
const MIN_ERRORS = 3;
const LATE_SHARE = 0.5;
const DRIFT_FACTOR = 3;

export interface Breach {
  readonly breach: string;
  /** Another look would not find it better. */
  readonly isCertain: boolean;
}

interface Evidence {
  readonly now: VitalFigures;
  readonly before: VitalFigures | null;
  readonly limits: RolloutLimits;
  readonly isFinal: boolean;
  readonly drift: DriftFigures | null;
}

/**
 * Whether a model on probation does worse than its limits allow: the first of these that holds, as a sentence with the
 * figures, or null.
 * - An answer with a number that is not finite.
 * - The same answer to whatever is asked, see createConstancy.
 * - Errors: from 20 windows on and with at least 3 errors, when errors ÷ windows exceeds the predecessor's by more than
 *   maxErrorRatio (a predecessor that saw nothing counts as without errors).
 * - Late: from 20 windows on, when more than half missed their deadline, but not more than half of the predecessor's. A
 *   model so slow that hardly anything is answered leaves no latency to judge.
 * - Latency: from 50 windows of both on the same backend on, when its median is more than maxLatencyFactor times the
 *   predecessor's, and more than 1 ms above it.
 * - Drift, see toDrift: above maxDrift, and more than 3 times that of the predecessor on the same windows. Where the
 *   wearer gets up both move; where only the model's world changes, only it does.
 *
 * @param before of the model it replaced, over its whole life; null when there was none
 * @param drift null: not enough to tell, or nobody to compare with
 * @param isFinal nothing more will be seen: 3 errors count, however few windows there were
 */
export function judgeProbation(
  now: VitalFigures,
  before: VitalFigures | null,
  limits: RolloutLimits,
  isFinal = false,
  drift: DriftFigures | null = null,
): Breach | null {
  const evidence = { now, before, limits, isFinal, drift };
  const wrong = judgeOutputs(evidence);
  if (wrong !== null) return { breach: wrong, isCertain: true };
  for (const judge of [judgeErrors, judgeLate, judgeLatency, judgeDrift]) {
    const breach = judge(evidence);
    if (breach !== null) return { breach, isCertain: false };
  }
  return null;
}

function judgeOutputs({ now }: Evidence): string | null {
  if (now.notFinite > 0)
    return `It answered ${now.notFinite === 1 ? 'a window' : `${now.notFinite} windows`} with numbers that are not finite, and the model before did not.`;
  return now.isConstant ? 'It gives the same latent whatever it is asked.' : null;
}

function judgeErrors({ now, before, limits, isFinal }: Evidence): string | null {
  const windows = now.answered + now.errors;
  if (now.errors < MIN_ERRORS || (windows < MIN_FOR_ERRORS && !isFinal)) return null;
  const ratio = now.errors / windows;
  const ratioBefore = before?.errorRatio ?? 0;
  if (ratio - ratioBefore <= limits.maxErrorRatio) return null;
  return `${now.errors} of ${windows} windows failed: ${showPercent(ratio)}, with the model before ${showPercent(ratioBefore)}; at most ${showPercent(limits.maxErrorRatio)} more are allowed.`;
}

function judgeLate({ now, before }: Evidence): string | null {
  const windows = now.answered + now.errors + now.late;
  if (windows < MIN_FOR_ERRORS || lateShare(now) <= LATE_SHARE) return null;
  if (before !== null && lateShare(before) > LATE_SHARE) return null;
  const was = before === null ? '' : `, with the model before ${showPercent(lateShare(before))}`;
  return `${now.late} of ${windows} windows missed their deadline: ${showPercent(lateShare(now))}${was}; at most half may.`;
}

function lateShare({ answered, errors, late }: VitalFigures): number {
  return late / Math.max(1, answered + errors + late);
}

function judgeLatency({ now, before, limits }: Evidence): string | null {
  for (const [backend, { windows, median }] of now.latencyByBackend) {
    const was = before?.latencyByBackend.get(backend);
    if (was === undefined || Math.min(windows, was.windows) < MIN_FOR_LATENCY) continue;
    if (isTooSlow(median, was.median, limits)) return slowSentence(backend, median, was.median, limits);
  }
  return null;
}

function slowSentence(backend: BackendKind, median: number, before: number, limits: RolloutLimits): string {
  const factor = (median / before).toFixed(1);
  return `Its median latency on ${nameOf(backend)} is ${showMs(median)}, ${factor} times the ${showMs(before)} of the model before; at most ${limits.maxLatencyFactor} times, or ${LATENCY_FLOOR_MS} ms more, is allowed.`;
}

function judgeDrift({ drift, limits }: Evidence): string | null {
  if (drift === null || drift.now <= limits.maxDrift || drift.now <= DRIFT_FACTOR * drift.before) return null;
  return `The mean of its latents moved by ${drift.now.toFixed(2)} standard deviations over ${drift.windows} windows, that of the model before by ${drift.before.toFixed(2)}; at most ${limits.maxDrift} are allowed, or ${DRIFT_FACTOR} times as much as before.`;
}

/** As it stands in a sentence. */
export function nameOf(backend: BackendKind): string {
  return backend === 'cpu' ? 'the CPU' : backend === 'stub' ? 'the stub' : backend;
}
