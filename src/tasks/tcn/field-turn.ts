import { CHANNELS, RATE_HZ, ROWS } from './schema.ts';

/**
 * Does a gyroscope explain how a field turns? A field that is fixed in the world, the earth's or gravity, obeys
 * dv/dt = −ω × v in the axes of a turning sensor (the transport theorem, with dv/dt = 0 in the world). Between two rows
 * v therefore changes by the integral of −ω × v, whatever the angle; the strength and the unit of v drop out.
 *
 * All functions: window row-major [100×9] at 100 Hz, `at` the field's first channel, `lag` an even number of rows.
 */

const STEP_S = 1 / RATE_HZ;
const GYRO = 3;
const END = ROWS * CHANNELS;

/** Sum of |Δv|² over the lags of a window, in the square of the field's unit: what a body at standstill leaves over. */
export function standstillMisfit(window: Float32Array, at: number, lag: number): number {
  const stride = lag * CHANNELS;
  let sum = 0;
  for (let from = at, to = at + stride; to < END; from = to, to += stride) {
    const x = window[to]! - window[from]!;
    const y = window[to + 1]! - window[from + 1]!;
    const z = window[to + 2]! - window[from + 2]!;
    sum += x * x + y * y + z * z;
  }
  return sum;
}

/** Sum of |Δv + ∫ω × v dt|² over the lags, ω taken as rad/s: what the gyroscope leaves over. */
export function gyroMisfit(window: Float32Array, at: number, lag: number): number {
  const stride = lag * CHANNELS;
  let sum = 0;
  for (let row = 0; row + stride < END; row += stride) {
    let x = 0;
    let y = 0;
    let z = 0;
    // Every other row stands for the two intervals around it: the midpoint rule, half the work.
    for (let mid = row + CHANNELS; mid < row + stride; mid += 2 * CHANNELS) {
      const p = window[mid + GYRO]!;
      const q = window[mid + GYRO + 1]!;
      const r = window[mid + GYRO + 2]!;
      const u = window[mid + at]!;
      const v = window[mid + at + 1]!;
      const w = window[mid + at + 2]!;
      x += q * w - r * v;
      y += r * u - p * w;
      z += p * v - q * u;
    }
    const from = row + at;
    const to = from + stride;
    x = window[to]! - window[from]! + 2 * STEP_S * x;
    y = window[to + 1]! - window[from + 1]! + 2 * STEP_S * y;
    z = window[to + 2]! - window[from + 2]! + 2 * STEP_S * z;
    sum += x * x + y * y + z * z;
  }
  return sum;
}

/** Sum of |Δv|² over the lags if the field turned steadily by `rate`, rad/s, about an axis across it; small angles. */
export function turnMisfit(window: Float32Array, at: number, lag: number, rate: number): number {
  const lags = Math.floor((ROWS - 1) / lag);
  return lags * fieldSquare(window, at, lag) * (rate * lag * STEP_S) ** 2;
}

/** Mean |v|² at the ends of the lags. */
export function fieldSquare(window: Float32Array, at: number, lag: number): number {
  let sum = 0;
  let rows = 0;
  for (let i = at; i < END; i += lag * CHANNELS, rows++) {
    sum += window[i]! ** 2 + window[i + 1]! ** 2 + window[i + 2]! ** 2;
  }
  return sum / rows;
}
