import { SidecarError } from '../../core/errors.ts';
import type { Tensors } from '../../core/tensor.ts';
import type { Motifs } from './motifs.ts';
import type { Plan } from './plan.ts';

/** What a model made of one window, checked: every number is finite. */
export interface Answer {
  readonly latent: Float32Array;
  /** null when there is no motif source */
  readonly scores: Float32Array | null;
}

/** @throws SidecarError BACKEND_FAILED when an output is missing, has another size or holds a number that is none */
export function toAnswer(outputs: Tensors, plan: Plan, motifs: Motifs | null): Answer {
  const { latent, scores } = splitOutputs(outputs, plan);
  return { latent, scores: motifs === null ? null : checkFinite(motifs.score(latent, scores), 'motif_scores') };
}

function splitOutputs(outputs: Tensors, plan: Plan): { latent: Float32Array; scores: Float32Array | undefined } {
  const latent = checkFinite(pick(outputs, plan.latentName, plan.latentSize), plan.latentName);
  const { scoresName } = plan;
  return { latent, scores: scoresName === null ? undefined : pick(outputs, scoresName, plan.scoresSize) };
}

function pick(outputs: Tensors, name: string, size: number): Float32Array {
  const values = outputs[name];
  if (values?.length === size) return values;
  const found = values === undefined ? 'no such output' : `${values.length} numbers`;
  throw new SidecarError('BACKEND_FAILED', `The model should answer ${size} numbers as "${name}" and gave ${found}.`);
}

function checkFinite(values: Float32Array, name: string): Float32Array {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]!)) {
      throw new SidecarError('BACKEND_FAILED', `The model's output "${name}" is not finite at ${i}; nothing was sent.`);
    }
  }
  return values;
}
