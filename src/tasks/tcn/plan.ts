import type { Manifest } from '../../core/manifest.ts';
import type { ServedModel } from '../../core/model.ts';
import { sizeOf } from '../../core/tensor.ts';
import { calibratedMotifs, type Motifs, uncalibratedMotifs } from './motifs.ts';
import { toZScore, type ZScore } from './normalise.ts';

/** What a manifest says, worked out once per model and not per call. */
export interface Plan {
  readonly scale: ZScore;
  readonly latentName: string;
  readonly latentSize: number;
  /** The model's own score tensor, where it has one. */
  readonly scoresName: string | null;
  readonly scoresSize: number;
  /** null when the model has no motif source of its own. */
  readonly calibrated: Motifs | null;
  readonly uncalibrated: Motifs;
  /** What follows the numbers in a reply of /encode. */
  readonly encodeTail: string;
}

const plans = new WeakMap<Manifest, Plan>();

/** @throws SidecarError MODEL_INVALID when the motif head contradicts the model */
export function planOf({ manifest, head }: Pick<ServedModel, 'manifest' | 'head'>): Plan {
  const known = plans.get(manifest);
  if (known !== undefined) return known;
  const { latent, motif_scores: scores } = manifest.outputs;
  const plan: Plan = {
    scale: toZScore(manifest.normalisation),
    latentName: latent.name,
    latentSize: sizeOf(latent),
    scoresName: scores?.name ?? null,
    scoresSize: scores === null ? 0 : sizeOf(scores),
    calibrated: calibratedMotifs(manifest, head),
    uncalibrated: uncalibratedMotifs(manifest),
    encodeTail: toEncodeTail(manifest),
  };
  plans.set(manifest, plan);
  return plan;
}

/** ASCII by the manifest's schema: the version's pattern, and digits. */
function toEncodeTail({ version, accuracy }: Manifest): string {
  return `],"model_version":${JSON.stringify(version)},"accuracy":${JSON.stringify(toAccuracy(accuracy))}}`;
}

/** 0.7213 → "72.13%" */
function toAccuracy(accuracy: Manifest['accuracy']): string {
  return accuracy === null ? 'unknown' : `${(accuracy.value * 100).toFixed(2)}%`;
}
