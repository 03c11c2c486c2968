import type { ErrorCode } from '../../core/errors.ts';
import type { Vectors } from '../../core/task.ts';
import { compareVectors } from '../golden.ts';
import { type CosineFigures, createCosines } from './cosines.ts';
import { createSamples, type Latency } from './samples.ts';
import { indexOfMax, toFailureKind, toRatio } from './vitals.ts';

export interface PairFailures {
  errors: number;
  late: number;
}

/** The same windows answered by two versions, since the candidate was loaded. */
export interface PairFigures {
  /** Windows that both have answered. */
  readonly pairs: number;
  /** Windows that the second of both was not asked, or refused: it was busy, or its device was lost. */
  readonly dropped: number;
  readonly active: PairFailures;
  readonly candidate: PairFailures;
  /** Of the latents; null without pairs, and where the latents differ in length. */
  readonly cosine: CosineFigures | null;
  /** Share of pairs with the same top motif; null where one of both has no scores, or they share no motif. */
  readonly motifAgreement: number | null;
  /** Mean of |active − candidate| over the motifs that both have, and over pairs; null as motifAgreement. */
  readonly scoreDifference: number | null;
  /** Of the latest 1024 pairs. */
  readonly latencyMs: { readonly active: Latency | null; readonly candidate: Latency | null };
}

/** Constant time and memory for each pair. */
export interface Pairs {
  add(active: Vectors, candidate: Vectors, activeMs: number, candidateMs: number): void;
  /** The candidate gave no answer. */
  failed(code: ErrorCode): void;
  /** The active one gave none, so that there was nothing to hold the candidate's against. */
  activeFailed(code: ErrorCode): void;
  /** The second of both was busy: the window made no pair. */
  drop(): void;
  figures(): PairFigures;
}

export interface PairsParts {
  /** Names of the motifs of both: motifs are compared by name then; without, by place. */
  readonly labels?: { readonly active: readonly string[]; readonly candidate: readonly string[] };
}

export function createPairs({ labels }: PairsParts = {}): Pairs {
  const failures = { active: { errors: 0, late: 0 }, candidate: { errors: 0, late: 0 } };
  const cosines = createCosines();
  const motifs = createMotifAgreement(labels);
  const times = { active: createSamples(), candidate: createSamples() };
  let pairs = 0;
  let dropped = 0;

  function add(active: Vectors, candidate: Vectors, activeMs: number, candidateMs: number): void {
    pairs += 1;
    times.active.add(activeMs);
    times.candidate.add(candidateMs);
    if (active.latent.length === candidate.latent.length) {
      cosines.add(compareVectors(candidate.latent, active.latent).cosine);
    }
    if (active.scores !== null && candidate.scores !== null) motifs.add(active.scores, candidate.scores);
  }

  function fail(side: 'active' | 'candidate', code: ErrorCode): void {
    const kind = toFailureKind(code);
    if (kind === 'error') failures[side].errors += 1;
    if (kind === 'late') failures[side].late += 1;
    if (kind === 'refusal') dropped += 1;
  }

  return {
    add,
    failed: (code) => fail('candidate', code),
    activeFailed: (code) => fail('active', code),
    drop: () => {
      dropped += 1;
    },
    figures: () => ({
      pairs,
      dropped,
      active: { ...failures.active },
      candidate: { ...failures.candidate },
      cosine: cosines.figures(),
      ...motifs.figures(),
      latencyMs: { active: times.active.latency(), candidate: times.candidate.latency() },
    }),
  };
}

function createMotifAgreement(labels: PairsParts['labels']) {
  const byName = labels === undefined ? null : toPlaces(labels);
  let pairs = 0;
  let agreed = 0;
  let difference = 0;

  /** The candidate's motif in the active one's order; -1: the active one does not know it. */
  const placeOf = (motif: number): number => (byName === null ? motif : (byName[motif] ?? -1));

  function differenceOf(active: Float32Array, candidate: Float32Array): number | null {
    let sum = 0;
    let shared = 0;
    for (let i = 0; i < candidate.length; i++) {
      const place = placeOf(i);
      if (place < 0 || place >= active.length) continue;
      sum += Math.abs(active[place]! - candidate[i]!);
      shared += 1;
    }
    return toRatio(sum, shared);
  }

  return {
    add: (active: Float32Array, candidate: Float32Array) => {
      if (byName === null && active.length !== candidate.length) return; // by place only where places mean the same
      const found = differenceOf(active, candidate);
      if (found === null) return;
      pairs += 1;
      difference += found;
      if (placeOf(indexOfMax(candidate)) === indexOfMax(active)) agreed += 1;
    },
    figures: () => ({ motifAgreement: toRatio(agreed, pairs), scoreDifference: toRatio(difference, pairs) }),
  };
}

/** null when one of both has no names. */
function toPlaces({ active, candidate }: NonNullable<PairsParts['labels']>): Int32Array | null {
  if (active.length === 0 || candidate.length === 0) return null;
  return Int32Array.from(candidate, (label) => active.indexOf(label));
}
