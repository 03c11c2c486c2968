import { minimise, type Objective } from './minimise.ts';
import { dot, type Points, rowOf } from './points.ts';

/** A dense layer: the score of a class is the softmax of weights · latent + bias. */
export interface SoftmaxLayer {
  readonly weights: readonly Float64Array[];
  readonly bias: readonly number[];
  /** False when the fit stopped before its gradient was small. */
  readonly isSettled: boolean;
}

/** Of half the sum of squared weights of standardised latents, against the mean loss of a window. */
const PENALTY = 1e-3;
const LARGEST_SLOPE = 1e-6;
/** A latent that varies less, against the one that varies most, is constant but for rounding: it gets no weight. */
const CONSTANT = 1e-5;

/**
 * Multinomial logistic regression: the mean cross-entropy plus an L2 penalty on the weights, over all windows at once,
 * on latents standardised to mean 0 and deviation 1; these are folded back into the weights and the bias.
 *
 * @param classes per vector, 0 to count - 1
 */
export function fitSoftmax(points: Points, classes: Int32Array, count: number): SoftmaxLayer {
  const { mean, scale } = spreadOf(points);
  const standard = standardise(points, mean, scale);
  const size = count * (points.width + 1);
  const found = minimise(lossOf(standard, classes, count), size, LARGEST_SLOPE);
  const weights = Array.from({ length: count }, (_, c) =>
    layerRow(found.at, points.width, c).map((w, j) => w * scale[j]!),
  );
  const bias = weights.map((row, c) => found.at[(c + 1) * (points.width + 1) - 1]! - dot(row, mean));
  return { weights, bias, isSettled: found.isReached };
}

/** The class with the highest score. */
export function predictClass({ weights, bias }: Pick<SoftmaxLayer, 'weights' | 'bias'>, latent: Float64Array): number {
  const logits = weights.map((row, c) => dot(row, latent) + bias[c]!);
  return logits.indexOf(Math.max(...logits));
}

/** Mean, and one over the deviation (0 where it is constant), of each latent. */
function spreadOf(points: Points): { mean: Float64Array; scale: Float64Array } {
  const mean = new Float64Array(points.width);
  const deviation = new Float64Array(points.width);
  for (let i = 0; i < points.count; i++)
    rowOf(points, i).forEach((x, j) => {
      mean[j] = mean[j]! + x / points.count;
    });
  for (let i = 0; i < points.count; i++) {
    rowOf(points, i).forEach((x, j) => {
      deviation[j] = deviation[j]! + (x - mean[j]!) ** 2 / points.count;
    });
  }
  const largest = Math.sqrt(Math.max(...deviation));
  return {
    mean,
    scale: deviation.map((square) => (Math.sqrt(square) > CONSTANT * largest ? 1 / Math.sqrt(square) : 0)),
  };
}

function standardise(points: Points, mean: Float64Array, scale: Float64Array): Points {
  const { width } = points;
  return { ...points, values: points.values.map((x, i) => (x - mean[i % width]!) * scale[i % width]!) };
}

/** Per class the weights and then the bias, one after the other. */
const layerRow = (at: Float64Array, width: number, c: number) =>
  at.subarray(c * (width + 1), (c + 1) * (width + 1) - 1);

function lossOf(points: Points, classes: Int32Array, count: number): Objective {
  const logits = new Float64Array(count);
  return (at, gradient) => {
    let loss = penalise(at, gradient, points.width);
    for (let i = 0; i < points.count; i++) {
      const row = rowOf(points, i);
      loss += crossEntropy(at, row, classes[i]!, logits) / points.count;
      for (let c = 0; c < count; c++) pull(gradient, row, c, (logits[c]! - (c === classes[i] ? 1 : 0)) / points.count);
    }
    return loss;
  };
}

/** Starts the gradient, and the value, with the penalty; a bias has none. */
function penalise(at: Float64Array, gradient: Float64Array, width: number): number {
  let sum = 0;
  for (let i = 0; i < at.length; i++) {
    const weight = i % (width + 1) === width ? 0 : at[i]!;
    gradient[i] = PENALTY * weight;
    sum += weight * weight;
  }
  return (PENALTY / 2) * sum;
}

/** One window's loss; leaves the scores in `logits`. The loops are written out: this is the work. */
function crossEntropy(at: Float64Array, row: Float64Array, own: number, logits: Float64Array): number {
  const stride = row.length + 1;
  let largest = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < logits.length; c++) {
    let sum = at[(c + 1) * stride - 1]!;
    for (let j = 0; j < row.length; j++) sum += at[c * stride + j]! * row[j]!;
    logits[c] = sum;
    if (sum > largest) largest = sum;
  }
  const ownLogit = logits[own]! - largest;
  let total = 0;
  for (let c = 0; c < logits.length; c++) total += logits[c] = Math.exp(logits[c]! - largest);
  for (let c = 0; c < logits.length; c++) logits[c] = logits[c]! / total;
  return Math.log(total) - ownLogit;
}

function pull(gradient: Float64Array, row: Float64Array, c: number, error: number): void {
  const start = c * (row.length + 1);
  for (let j = 0; j < row.length; j++) gradient[start + j] = gradient[start + j]! + error * row[j]!;
  gradient[start + row.length] = gradient[start + row.length]! + error;
}
