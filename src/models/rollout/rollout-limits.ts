/** What a new model must do to be promoted, and to be confirmed afterwards; from the configuration's `rollout`. */
export interface RolloutLimits {
  /** How long an activated model is watched. */
  readonly probationMs: number;
  /** Pairs before a comparison says anything. */
  readonly minSamples: number;
  /** By how much the error ratio may exceed that of the model it is held against; 0.01 is one window in a hundred. */
  readonly maxErrorRatio: number;
  /** How many times its median latency may be. */
  readonly maxLatencyFactor: number;
  /** In standard deviations, see toDrift. */
  readonly maxDrift: number;
  /** Least mean cosine of the latents; null: not asked for. */
  readonly minCosine: number | null;
  /** Least share of windows with the same top motif, 0 to 1; null: not asked for. */
  readonly minMotifAgreement: number | null;
  /** A model without motif scores may serve: a documented rule fills them (inference.allow_uncalibrated_motifs). */
  readonly mayLackScores?: boolean;
}

/** Fewer windows say nothing of an error ratio. */
export const MIN_FOR_ERRORS = 20;
/** Fewer say nothing of a median. */
export const MIN_FOR_LATENCY = 50;
/** A difference below this is noise, whatever the factor: 0.2 ms instead of 0.05 ms hurts nobody. */
export const LATENCY_FLOOR_MS = 1;

/** Slower by more than the factor, and by more than 1 ms. */
export function isTooSlow(medianMs: number, beforeMs: number, { maxLatencyFactor }: RolloutLimits): boolean {
  return medianMs > maxLatencyFactor * beforeMs && medianMs - beforeMs > LATENCY_FLOOR_MS;
}

/** E.g. "1.2 ms", "0.35 ms". */
export const showMs = (ms: number): string => `${ms.toFixed(ms < 1 ? 2 : 1)} ms`;
export const showPercent = (ratio: number): string => `${(ratio * 100).toFixed(2)} %`;
