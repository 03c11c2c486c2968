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
/** First channel of the magnetometer. */
export const MAG = 6;
/** µT, the earth's field and iron near the sensor. Less is z-scores or noise; more is iron, which hides every turn. */
export const SMALLEST_FIELD = 5;
export const LARGEST_FIELD = 90;
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

/** What the gyroscope says of the lags, ω taken as rad/s, against what was seen. */
export interface TurnSums {
  /** Σ |∫ω × v dt|². */
  claimed: number;
  /** −Σ Δv · ∫ω × v dt; as much as `claimed` where the field turns as the gyroscope says. */
  agreed: number;
}

/** Sum of |Δv + ∫ω × v dt|² over the lags: what the gyroscope leaves over of a standstill's misfit. */
export function gyroMisfit(still: number, { claimed, agreed }: TurnSums): number {
  return still - 2 * agreed + claimed;
}

/** @param into written and returned: a window is looked at in a microsecond, and needs no object for it */
export function sumTurns(window: Float32Array, at: number, lag: number, into: TurnSums): TurnSums {
  const stride = lag * CHANNELS;
  let claimed = 0;
  let agreed = 0;
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
    const dx = window[to]! - window[from]!;
    const dy = window[to + 1]! - window[from + 1]!;
    const dz = window[to + 2]! - window[from + 2]!;
    agreed -= 2 * STEP_S * (dx * x + dy * y + dz * z);
    claimed += 4 * STEP_S * STEP_S * (x * x + y * y + z * z);
  }
  into.claimed = claimed;
  into.agreed = agreed;
  return into;
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
