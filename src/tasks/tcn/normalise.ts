/** Per-channel mean and standard deviation in float32, prepared once per manifest. */
export interface ZScore {
  readonly mean: Float32Array;
  readonly std: Float32Array;
}

export function toZScore(normalisation: { readonly mean: readonly number[]; readonly std: readonly number[] }): ZScore {
  return { mean: Float32Array.from(normalisation.mean), std: Float32Array.from(normalisation.std) };
}

/**
 * `(x - mean) / std` per channel, rounded to float32 after each step, as the training code does it in float32.
 *
 * @param raw row-major [rows×channels], channels = length of mean
 * @param into where the result goes; may be `raw` itself
 */
export function normalise(
  raw: Float32Array,
  scale: ZScore,
  into: Float32Array = new Float32Array(raw.length),
): Float32Array {
  const { mean, std } = scale;
  const channels = mean.length;
  for (let index = 0; index < raw.length; ) {
    for (let channel = 0; channel < channels; channel++, index++) {
      into[index] = Math.fround(raw[index]! - mean[channel]!) / std[channel]!;
    }
  }
  return into;
}

/**
 * normalise() and the check of each sample in one pass: a window in binary costs little else.
 *
 * Channel by channel, so that what belongs to one stays in registers.
 * @param limits per channel, inclusive, finite
 * @returns false when a sample is beyond its limit or no number; `into` then holds nothing of use
 */
export function normaliseWithin(raw: Float32Array, scale: ZScore, limits: Float64Array, into: Float32Array): boolean {
  const { mean, std } = scale;
  const channels = mean.length;
  const samples = raw.length;
  for (let channel = 0; channel < channels; channel++) {
    const offset = mean[channel]!;
    const divisor = std[channel]!;
    const limit = limits[channel]!;
    for (let index = channel; index < samples; index += channels) {
      const sample = raw[index]!;
      if (!(Math.abs(sample) <= limit)) return false;
      into[index] = Math.fround(sample - offset) / divisor;
    }
  }
  return true;
}

type Normalisation = Parameters<typeof toZScore>[0];

/** Model input of one manifest → model input of another, for the same raw window; a copy also where they agree. */
export function toConversion(from: Normalisation, to: Normalisation): (input: Float32Array) => Float32Array {
  const old = toZScore(from);
  const next = toZScore(to);
  const isSame = (a: Float32Array, b: Float32Array) => a.length === b.length && a.every((value, i) => value === b[i]);
  if (isSame(old.mean, next.mean) && isSame(old.std, next.std)) return (input) => input.slice();
  const channels = old.mean.length;
  return (input) =>
    normalise(
      input.map((value, i) => value * old.std[i % channels]! + old.mean[i % channels]!),
      next,
    );
}
