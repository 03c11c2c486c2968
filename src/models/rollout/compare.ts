import { nameOf } from './judgement.ts';
import type { PairFigures } from './pairs.ts';
import {
  isTooSlow,
  MIN_FOR_ERRORS,
  MIN_FOR_LATENCY,
  type RolloutLimits,
  showMs,
  showPercent,
} from './rollout-limits.ts';
import type { VitalFigures } from './vitals.ts';

export interface GateVerdict {
  readonly name: 'samples' | 'errors' | 'latency' | 'cosine' | 'motif agreement' | 'outputs';
  /** null: not enough yet, not comparable, or not asked for; `text` says which. */
  readonly ok: boolean | null;
  readonly text: string;
}

export interface Comparison {
  /** There are enough samples for every gate that the limits ask for. */
  readonly enough: boolean;
  /** What is missing, e.g. "not enough yet: 37 of 200 pairs"; null when enough. */
  readonly missing: string | null;
  readonly gates: readonly GateVerdict[];
}

export interface Compared {
  readonly pairs: PairFigures;
  readonly active: VitalFigures;
  readonly candidate: VitalFigures;
  readonly sameBackend: boolean;
  readonly limits: RolloutLimits;
}

type Verdict = Omit<GateVerdict, 'name'>;

/**
 * Holds a candidate against the active model. Plain comparisons of figures with limits, no test of significance:
 * - samples: at least minSamples pairs.
 * - errors: from 20 windows on, candidate's ratio ≤ active one's + maxErrorRatio.
 * - latency, on the same backend only, from 50 pairs on: candidate's median over the pairs ≤ maxLatencyFactor × the
 *   active one's, or at most 1 ms above it.
 * - cosine: mean over the pairs ≥ minCosine; motif agreement: share of pairs ≥ minMotifAgreement; each only when asked
 *   for, and failed when it is asked for and cannot be judged.
 * - outputs: finite, and not the same whatever is asked.
 */
export function compareVersions(compared: Compared): Comparison {
  const samples = toSamples(compared);
  const enough = samples.ok === true;
  return {
    enough,
    missing: enough ? null : samples.text,
    gates: [
      { name: 'samples', ...samples },
      { name: 'errors', ...judgeErrors(compared) },
      { name: 'latency', ...judgeLatency(compared) },
      { name: 'cosine', ...judgeCosine(compared) },
      { name: 'motif agreement', ...judgeAgreement(compared) },
      { name: 'outputs', ...judgeOutputs(compared) },
    ],
  };
}

function toSamples({ pairs, limits }: Compared): Verdict {
  const early = tooEarly(pairs, limits);
  return early ?? { ok: true, text: `${pairs.pairs} pairs, at least ${limits.minSamples} asked for` };
}

const notYet = (count: number, needed: number, unit: string): Verdict => ({
  ok: null,
  text: `not enough yet: ${count} of ${needed} ${unit}`,
});

function judgeErrors({ active, candidate, limits }: Compared): Verdict {
  const windows = candidate.answered + candidate.errors;
  if (windows < MIN_FOR_ERRORS) return notYet(windows, MIN_FOR_ERRORS, 'windows');
  const ratio = candidate.errorRatio ?? 0;
  const activeRatio = active.errorRatio ?? 0;
  const text = `${candidate.errors} of ${windows} windows failed: ${showPercent(ratio)}, the active one ${showPercent(activeRatio)}; at most ${showPercent(limits.maxErrorRatio)} more`;
  return { ok: ratio <= activeRatio + limits.maxErrorRatio, text };
}

function judgeLatency(compared: Compared): Verdict {
  const { pairs, sameBackend, limits } = compared;
  if (!sameBackend) return { ok: null, text: `not comparable: ${wherePhrase(compared)}` };
  const { active, candidate } = pairs.latencyMs;
  const windows = Math.min(active?.windows ?? 0, candidate?.windows ?? 0);
  if (!active || !candidate || windows < MIN_FOR_LATENCY) return notYet(windows, MIN_FOR_LATENCY, 'pairs');
  const text = `median ${showMs(candidate.median)}, the active one ${showMs(active.median)}; at most ${limits.maxLatencyFactor} times, or 1 ms more`;
  return { ok: !isTooSlow(candidate.median, active.median, limits), text };
}

function wherePhrase({ active, candidate }: Compared): string {
  if (active.backend === null || candidate.backend === null) return 'one of both has not answered anything yet';
  return `the candidate runs on ${nameOf(candidate.backend)}, the active one on ${nameOf(active.backend)}`;
}

function judgeCosine({ pairs, limits }: Compared): Verdict {
  const { minCosine } = limits;
  const found = pairs.cosine;
  if (minCosine === null) return notAsked(found && `mean ${found.mean.toFixed(5)}`);
  const early = tooEarly(pairs, limits);
  if (early !== null) return early;
  if (found === null) return { ok: false, text: 'the latents differ in length and cannot be compared' };
  const text = `mean ${found.mean.toFixed(5)}, 95 of 100 pairs reach ${found.p5}, least ${found.min.toFixed(5)}; at least ${minCosine} in the mean`;
  return { ok: found.mean >= minCosine, text };
}

function judgeAgreement({ pairs, limits }: Compared): Verdict {
  const { minMotifAgreement } = limits;
  const found = pairs.motifAgreement;
  if (minMotifAgreement === null) return notAsked(found === null ? null : `${showPercent(found)} of the pairs`);
  const early = tooEarly(pairs, limits);
  if (early !== null) return early;
  if (found === null) return { ok: false, text: 'one of both has no motif scores, or they share no motif' };
  const text = `the same top motif in ${showPercent(found)} of the pairs; at least ${showPercent(minMotifAgreement)}`;
  return { ok: found >= minMotifAgreement, text };
}

function tooEarly({ pairs }: PairFigures, { minSamples }: RolloutLimits): Verdict | null {
  return pairs < minSamples ? notYet(pairs, minSamples, 'pairs') : null;
}

const notAsked = (found: string | null): Verdict => ({
  ok: null,
  text: found === null ? 'not asked for' : `${found}; not asked for`,
});

function judgeOutputs({ candidate }: Compared): Verdict {
  if (candidate.notFinite > 0) return { ok: false, text: `${candidate.notFinite} answers were not finite` };
  if (candidate.isConstant === null) return { ok: null, text: 'not enough yet: no two windows that differ' };
  if (candidate.isConstant) return { ok: false, text: 'the same latent whatever it is asked' };
  return { ok: true, text: 'finite, and not constant' };
}
