/** Mean and standard deviation of each dimension of the latents seen. */
export interface MomentFigures {
  readonly count: number;
  readonly mean: Float64Array;
  /** Of a sample (n − 1); 0 below two latents. */
  readonly std: Float64Array;
}

/** Running moments after Welford: one pass, nothing kept of the single latent, no cancellation however many there are. */
export interface Moments {
  /** All latents have the length of the first; every number is finite. */
  add(latent: Float32Array): void;
  figures(): MomentFigures;
}

export const MIN_REFERENCE = 4;
export const MIN_LIVE = 32;
/** A standard deviation this small beside the mean is rounding, not movement. */
const STILL = 1e-6;
const FLOOR_SHARE = 0.05;

export function createMoments(): Moments {
  let count = 0;
  let mean = new Float64Array(0);
  let squares = new Float64Array(0);
  return {
    add: (latent) => {
      if (count === 0) {
        mean = new Float64Array(latent.length);
        squares = new Float64Array(latent.length);
      }
      count += 1;
      const weight = 1 / count;
      for (let i = 0; i < mean.length; i++) {
        const offset = latent[i]! - mean[i]!;
        mean[i]! += offset * weight;
        squares[i]! += offset * (latent[i]! - mean[i]!);
      }
    },
    figures: () => ({
      count,
      mean: mean.slice(),
      std: squares.map((square) => (count < 2 ? 0 : Math.sqrt(square / (count - 1)))),
    }),
  };
}

/**
 * How far the latents have moved away from the reference, in standard deviations of the reference.
 *
 * In words: for each dimension take the live mean minus the reference mean, divide it by the reference's standard
 * deviation, and take the root of the mean square of these quotients over all dimensions. 0: the means are the same;
 * 1: they are one standard deviation apart in a typical dimension. A dimension that hardly varies in the reference would
 * make a quotient of any size out of nothing, therefore no divisor is smaller than 5 % of the mean standard deviation
 * of those dimensions that vary.
 *
 * null: fewer than 4 reference latents or 32 live ones, other lengths, or a reference in which nothing varies.
 */
export function toDrift(live: MomentFigures, reference: MomentFigures): number | null {
  if (reference.count < MIN_REFERENCE || live.count < MIN_LIVE || live.mean.length !== reference.mean.length)
    return null;
  const floor = FLOOR_SHARE * meanOfVarying(reference);
  if (!(floor > 0)) return null;
  let sum = 0;
  for (let i = 0; i < live.mean.length; i++) {
    const offset = (live.mean[i]! - reference.mean[i]!) / Math.max(reference.std[i]!, floor);
    sum += offset * offset;
  }
  return Math.sqrt(sum / live.mean.length);
}

function meanOfVarying({ mean, std }: MomentFigures): number {
  const varying = std.filter((deviation, i) => deviation > STILL * Math.abs(mean[i]!));
  return varying.reduce((sum, deviation) => sum + deviation, 0) / varying.length;
}
