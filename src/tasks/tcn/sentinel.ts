import {
  fieldSquare,
  gyroMisfit,
  LARGEST_FIELD,
  MAG,
  SMALLEST_FIELD,
  standstillMisfit,
  sumTurns,
  turnMisfit,
} from './field-turn.ts';
import { CHANNELS, ROWS } from './schema.ts';

/**
 * Do the numbers of a raw window look as if they came in other units than the contract's? It says so and corrects
 * nothing: a wrong guess that is silently acted upon would be worse than the mistake.
 *
 * Acceleration: |a| is near 9.8 most of the time in m/s² and near 1 in g, whatever moves.
 *
 * Gyroscope: magnitudes and z-scores cannot tell, for a walk in deg/s and a shake in rad/s both read 10 to 20. Physics
 * can: in deg/s the gyroscope claims turns 57 times larger than those that the earth's field and gravity show. Either
 * of the two may raise the warning, and either takes it back where rad/s explains it better than no turn at all.
 *
 * What it cannot see: a gyroscope in deg/s that reads less than ZERO_RATE (a good sensor at rest, for the bias of a
 * plain one in rad/s is as large), and without a magnetometer half of the windows that vibrate. What misleads it: more
 * bias than ZERO_RATE, and iron or a shield that leaves a steady field of the earth's strength. Figures:
 * scripts/model/sentinel.ts.
 */
export interface UnitWarning {
  readonly code: 'gyro_deg_s' | 'acc_g';
  readonly text: 'gyro looks like deg/s' | 'acceleration looks like g';
}

const GYRO_DEG_S: UnitWarning = Object.freeze({ code: 'gyro_deg_s', text: 'gyro looks like deg/s' });
const ACC_G: UnitWarning = Object.freeze({ code: 'acc_g', text: 'acceleration looks like g' });

/** Every possible answer, shared by all windows, so that none allocates. */
const NOTHING: readonly UnitWarning[] = Object.freeze([]);
const ONLY_GYRO: readonly UnitWarning[] = Object.freeze([GYRO_DEG_S]);
const ONLY_ACC: readonly UnitWarning[] = Object.freeze([ACC_G]);
const BOTH: readonly UnitWarning[] = Object.freeze([GYRO_DEG_S, ACC_G]);

/** First channel of each sensor. */
const ACC = 0;
const GYRO = 3;

/** Rows from one look at the field to the next: many for a noisy magnetometer, few for the pushes of a stride. */
const MAG_LAG = 32;
const ACC_LAG = 12;
/** Rows from one look at a magnitude to the next. */
const MAGNITUDE_LAG = 4;

/** m/s². In g, three quarters of a window stay below the first, most shakes too, and half of it above the second. */
const MOST_G = 7;
const LEAST_G = 0.5;
/** rad/s; what a MEMS gyroscope may claim at rest before calibration: 20 deg/s. Smaller claims prove nothing. */
const ZERO_RATE = 0.35;
/** So many times worse than a standstill must rad/s explain a field: it then moved by less than 1/4 of the claim. */
const FAR_WORSE = 12;
/** rad/s, in more than half of a window: no animal turns so fast for so long. */
const TOO_FAST = 25;

/**
 * @param window raw, before z-scoring, row-major [100×9]: m/s², rad/s, µT at 100 Hz
 * @returns frozen and shared; empty when nothing is amiss
 */
export function inspectUnits(window: Float32Array): readonly UnitWarning[] {
  if (isInG(window)) return isInDegrees(window) ? BOTH : ONLY_ACC;
  return isInDegrees(window) ? ONLY_GYRO : NOTHING;
}

/** Shares, not a median: a fall in m/s² reads next to nothing, then 9.8 or more. An absent magnetometer reads 0. */
function isInG(window: Float32Array): boolean {
  if (shareAbove(window, ACC, MOST_G) >= 0.25 || shareAbove(window, ACC, LEAST_G) <= 0.5) return false;
  const field = fieldSquare(window, MAG, MAG_LAG);
  return field === 0 || field > SMALLEST_FIELD ** 2;
}

/** No witness for rad/s, and one for deg/s; where both are blind, sheer speed. */
function isInDegrees(window: Float32Array): boolean {
  const field = fieldSquare(window, MAG, MAG_LAG);
  const magnetic = field < LARGEST_FIELD ** 2 ? witness(window, MAG, MAG_LAG) : null;
  if (magnetic === 'rad/s') return false;
  const gravity = witness(window, ACC, ACC_LAG);
  if (gravity === 'rad/s') return false;
  return magnetic === 'deg/s' || gravity === 'deg/s' || shareAbove(window, GYRO, TOO_FAST) > 0.5;
}

const sums = { claimed: 0, agreed: 0 };

/** What a field says about the gyroscope's unit; null where it says nothing, as one that is absent or stuck. */
function witness(window: Float32Array, at: number, lag: number): 'rad/s' | 'deg/s' | null {
  const still = standstillMisfit(window, at, lag);
  if (!(still > 0)) return null;
  const turning = gyroMisfit(still, sumTurns(window, at, lag, sums));
  if (turning < still) return 'rad/s';
  return turning > FAR_WORSE * still && turning > turnMisfit(window, at, lag, ZERO_RATE) ? 'deg/s' : null;
}

/** Part of the rows looked at whose vector of three channels is longer than `length`. */
function shareAbove(window: Float32Array, at: number, length: number): number {
  const square = length * length;
  let above = 0;
  for (let i = at; i < ROWS * CHANNELS; i += MAGNITUDE_LAG * CHANNELS) {
    const x = window[i]!;
    const y = window[i + 1]!;
    const z = window[i + 2]!;
    if (x * x + y * y + z * z > square) above++;
  }
  return (above * MAGNITUDE_LAG) / ROWS;
}
