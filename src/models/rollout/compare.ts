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
import type { Latency } from './samples.ts';
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
  /** null where the candidate runs in a mode that makes no pairs: its own windows are the samples then. */
  readonly pairs: PairFigures | null;
  readonly active: VitalFigures;
  readonly candidate: VitalFigures;
  readonly sameBackend: boolean;
  readonly limits: RolloutLimits;
}

type Verdict = Omit<GateVerdict, 'name'>;

/**
 * Holds a candidate against the active model. Plain comparisons of figures with limits, no test of significance:
 * - samples: at least minSamples pairs (without pairs: windows of the candidate).
 * - errors: from 20 windows on, candidate's ratio ≤ active one's + maxErrorRatio.
 * - latency, on the same backend only, from 50 windows of both on: candidate's median ≤ maxLatencyFactor × the active one's,
 *   or at most 1 ms above it; over the same windows where there are pairs.
 * - cosine: mean over the pairs ≥ minCosine; motif agreement: share of pairs ≥ minMotifAgreement; each only when asked for.
 * - outputs: finite, and not the same whatever is asked.
 */
export function compareVersions(compared: Compared): Comparison {
  const samples = toSamples(compared);
  const missing = samples.ok === true ? missingPairs(compared) : samples.text;
  return {
    enough: missing === null,
    missing,
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

function toSamples({ pairs, candidate, limits }: Compared): Verdict {
  const unit = pairs === null ? 'windows' : 'pairs';
  const count = pairs === null ? candidate.answered + candidate.errors : pairs.pairs;
  if (count < limits.minSamples) return notYet(count, limits.minSamples, unit);
  return { ok: true, text: `${count} ${unit}, at least ${limits.minSamples} asked for` };
}

const notYet = (count: number, needed: number, unit: string): Verdict => ({
  ok: null,
  text: `not enough yet: ${count} of ${needed} ${unit}`,
});

/** A gate that is asked for and can never be judged must not let a candidate through. */
function missingPairs({ pairs, limits }: Compared): string | null {
  const isAsked = limits.minCosine !== null || limits.minMotifAgreement !== null;
  return pairs === null && isAsked ? NEEDS_PAIRS : null;
}

const NEEDS_PAIRS = 'not enough yet: this gate needs pairs, which only a candidate in shadow mode makes';

function judgeErrors({ active, candidate, limits }: Compared): Verdict {
  const windows = candidate.answered + candidate.errors;
  if (windows < MIN_FOR_ERRORS) return notYet(windows, MIN_FOR_ERRORS, 'windows');
  const ratio = candidate.errorRatio ?? 0;
  const activeRatio = active.errorRatio ?? 0;
  const text = `${candidate.errors} of ${windows} windows failed: ${showPercent(ratio)}, the active one ${showPercent(activeRatio)}; at most ${showPercent(limits.maxErrorRatio)} more`;
  return { ok: ratio <= activeRatio + limits.maxErrorRatio, text };
}

function judgeLatency(compared: Compared): Verdict {
  const { sameBackend, limits } = compared;
  if (!sameBackend) return { ok: null, text: `not comparable: ${wherePhrase(compared)}` };
  const { active, candidate } = latencies(compared);
  const windows = Math.min(active?.windows ?? 0, candidate?.windows ?? 0);
  if (!active || !candidate || windows < MIN_FOR_LATENCY) return notYet(windows, MIN_FOR_LATENCY, 'windows of both');
  const text = `median ${showMs(candidate.median)}, the active one ${showMs(active.median)}; at most ${limits.maxLatencyFactor} times, or 1 ms more`;
  return { ok: !isTooSlow(candidate.median, active.median, limits), text };
}

function wherePhrase({ active, candidate }: Compared): string {
  if (active.backend === null || candidate.backend === null) return 'one of both has not answered anything yet';
  return `the candidate runs on ${nameOf(candidate.backend)}, the active one on ${nameOf(active.backend)}`;
}

function latencies({ pairs, active, candidate }: Compared): { active: Latency | null; candidate: Latency | null } {
  if (pairs !== null) return pairs.latencyMs;
  const of = ({ latencyByBackend }: VitalFigures) =>
    candidate.backend === null ? null : (latencyByBackend.get(candidate.backend) ?? null);
  return { active: of(active), candidate: of(candidate) };
}

function judgeCosine({ pairs, limits }: Compared): Verdict {
  const { minCosine } = limits;
  if (minCosine === null) return notAsked(pairs?.cosine && `mean ${pairs.cosine.mean.toFixed(5)}`);
  const found = pairs?.cosine ?? null;
  const early = tooEarly(pairs, limits);
  if (early !== null) return early;
  if (found === null) return { ok: false, text: 'the latents differ in length and cannot be compared' };
  const text = `mean ${found.mean.toFixed(5)}, 95 of 100 pairs reach ${found.p5}, least ${found.min.toFixed(5)}; at least ${minCosine} in the mean`;
  return { ok: found.mean >= minCosine, text };
}

function judgeAgreement({ pairs, limits }: Compared): Verdict {
  const { minMotifAgreement } = limits;
  const found = pairs?.motifAgreement ?? null;
  if (minMotifAgreement === null) return notAsked(found === null ? null : `${showPercent(found)} of the pairs`);
  const early = tooEarly(pairs, limits);
  if (early !== null) return early;
  if (found === null) return { ok: false, text: 'one of both has no motif scores, or they share no motif' };
  const text = `the same top motif in ${showPercent(found)} of the pairs; at least ${showPercent(minMotifAgreement)}`;
  return { ok: found >= minMotifAgreement, text };
}

function tooEarly(pairs: PairFigures | null, { minSamples }: RolloutLimits): Verdict | null {
  if (pairs === null) return { ok: null, text: NEEDS_PAIRS };
  return pairs.pairs < minSamples ? notYet(pairs.pairs, minSamples, 'pairs') : null;
}

const notAsked = (found: string | null | undefined): Verdict => ({
  ok: null,
  text: found ? `${found}; not asked for` : 'not asked for',
});

function judgeOutputs({ candidate }: Compared): Verdict {
  if (candidate.notFinite > 0) return { ok: false, text: `${candidate.notFinite} answers were not finite` };
  if (candidate.latent.isConstant === null) return { ok: null, text: 'not enough yet: no two windows that differ' };
  if (candidate.latent.isConstant) return { ok: false, text: 'the same latent whatever it is asked' };
  return { ok: true, text: 'finite, and not constant' };
}
