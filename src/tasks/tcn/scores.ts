import type { MotifHead } from '../../core/manifest.ts';

/** The arithmetic of motif heads: sums in double precision, results in float32, all scores within 0..1. */
export type ScoreLatent = (latent: Float32Array) => Float32Array;

type Dense = Extract<MotifHead, { kind: 'dense' }>;
type Prototypes = Extract<MotifHead, { kind: 'prototypes' }>;

/** softmax or sigmoid of weights · latent + bias */
export function denseScores(head: Dense): ScoreLatent {
  const weights = head.weights.map((row) => Float64Array.from(row));
  const activate = head.activation === 'softmax' ? softmax : sigmoid;
  return (latent) => activate(weights.map((row, i) => dot(row, latent) + head.bias[i]!));
}

/** softmax over (cosine similarity to each prototype ÷ temperature); a zero vector is similar to nothing: 0. */
export function prototypeScores(head: Prototypes): ScoreLatent {
  const prototypes = head.prototypes.map((row) => toUnit(Float64Array.from(row)));
  return (latent) => {
    const norm = Math.sqrt(dot(latent, latent)) || 1;
    return softmax(prototypes.map((prototype) => dot(prototype, latent) / norm / head.temperature));
  };
}

/**
 * The documented rule of inference.allow_uncalibrated_motifs: score k is the logistic function of the mean of the
 * latents whose index is k modulo `count`. It moves with the input and means nothing.
 */
export function uncalibratedScores(latent: Float32Array, count: number): Float32Array {
  const sums = new Float64Array(count);
  const terms = new Float64Array(count);
  latent.forEach((value, i) => {
    sums[i % count]! += value;
    terms[i % count]! += 1;
  });
  return sigmoid([...sums].map((sum, i) => sum / (terms[i]! || 1)));
}

function softmax(logits: readonly number[]): Float32Array {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return Float32Array.from(powers, (power) => power / total);
}

const sigmoid = (logits: readonly number[]) => Float32Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit)));

function toUnit(vector: Float64Array): Float64Array {
  const norm = Math.sqrt(dot(vector, vector)) || 1;
  return vector.map((value) => value / norm);
}

function dot(a: Float64Array | Float32Array, b: Float64Array | Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
