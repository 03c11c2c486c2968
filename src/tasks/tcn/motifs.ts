import { SidecarError } from '../../core/errors.ts';
import type { Manifest, MotifHead } from '../../core/manifest.ts';
import { headFaults, rowsOf } from '../../core/motif-head.ts';
import { sizeOf } from '../../core/tensor.ts';
import { denseScores, prototypeScores, uncalibratedScores } from './scores.ts';

export type MotifSource = 'output' | 'prototypes' | 'dense' | 'uncalibrated';

/** Where a model's motif scores come from. */
export interface Motifs {
  readonly source: MotifSource;
  readonly count: number;
  /** Scores within 0..1 from the latent; `output` is the model's own score tensor where it has one. */
  score(latent: Float32Array, output: Float32Array | undefined): Float32Array;
}

/** Scores per window when neither the manifest nor a head says how many. */
const DEFAULT_COUNT = 12;
/** How far a softmax in float32 may leave 0..1 by rounding; more means that the output holds no scores. */
const ROUNDING = 1e-5;

/**
 * The model's calibrated source: its second output, else the bundle's head, else null.
 * @throws SidecarError MODEL_INVALID when the head contradicts the model
 */
export function calibratedMotifs(manifest: Manifest, head: MotifHead | null): Motifs | null {
  const { motif_scores: output, latent } = manifest.outputs;
  if (output !== null) return { source: 'output', count: sizeOf(output), score: (_, scores) => withinBounds(scores!) };
  if (head === null) return null;
  const faults = headFaults(head, sizeOf(latent), manifest.motifs.labels);
  if (faults.length > 0) {
    const detail = `The motif head of ${manifest.name}@${manifest.version} does not fit its model: ${faults.join(' ')}`;
    throw new SidecarError('MODEL_INVALID', `${detail} Rebuild the bundle with a head made for this model.`);
  }
  const score = head.kind === 'dense' ? denseScores(head) : prototypeScores(head);
  return {
    source: head.kind,
    count: rowsOf(head).length,
    score: (values) => score(values.subarray(0, sizeOf(latent))),
  };
}

/** Only where inference.allow_uncalibrated_motifs asks for it; every reply then says so. */
export function uncalibratedMotifs(manifest: Manifest): Motifs {
  const count = manifest.motifs.labels.length || DEFAULT_COUNT;
  return { source: 'uncalibrated', count, score: (latent) => uncalibratedScores(latent, count) };
}

/** The model's own scores; rounding beyond a bound is taken back, anything else is no score and never sent. */
function withinBounds(scores: Float32Array): Float32Array {
  let isWithin = true;
  for (let i = 0; i < scores.length; i++) isWithin &&= scores[i]! >= 0 && scores[i]! <= 1;
  if (isWithin) return scores;
  return scores.map((score, i) => {
    if (score >= 0 && score <= 1) return score;
    if (score >= -ROUNDING && score <= 1 + ROUNDING) return score < 0 ? 0 : 1;
    throw new SidecarError('BACKEND_FAILED', `The model's motif score ${i} is ${score}, not within 0..1.`);
  });
}
