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
