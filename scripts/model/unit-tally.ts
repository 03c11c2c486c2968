// SPDX-License-Identifier: Apache-2.0
// How often the unit sentinel speaks up, motif by motif: the same windows in the contract's units and in others.
import { inspectUnits } from '../../src/tasks/tcn/sentinel.ts';

export interface WindowSet {
  readonly motifs: readonly string[];
  /** Index into motifs, one per window. */
  readonly labels: readonly number[];
  readonly windows: readonly Float32Array[];
}

/** Percent of windows. falseAlarms: any warning in the contract's units; the others: just the right warnings. */
export interface Tally {
  readonly falseAlarms: number;
  readonly degPerS: number;
  readonly g: number;
  readonly both: number;
  /** deg/s from a sensor without a magnetometer. */
  readonly degPerSNoMag: number;
}

const DEGREES = 180 / Math.PI;
const STANDARD_GRAVITY = 9.80665;

/** A window with its sensors (three channels each) multiplied by a factor. */
export function rescale(window: Float32Array, acc: number, gyro: number, mag = 1): Float32Array {
  const factors = [acc, gyro, mag];
  return window.map((value, i) => value * factors[Math.floor((i % 9) / 3)]!);
}

export const toDegrees = (window: Float32Array) => rescale(window, 1, DEGREES);
export const toG = (window: Float32Array) => rescale(window, 1 / STANDARD_GRAVITY, 1);

const says = (window: Float32Array) =>
  inspectUnits(window)
    .map(({ code }) => code)
    .join();

export function tallyWarnings(windows: readonly Float32Array[]): Tally {
  const percent = (isCounted: (window: Float32Array) => boolean) =>
    (100 * windows.filter(isCounted).length) / windows.length;
  return {
    falseAlarms: percent((window) => says(window) !== ''),
    degPerS: percent((window) => says(toDegrees(window)) === 'gyro_deg_s'),
    g: percent((window) => says(toG(window)) === 'acc_g'),
    both: percent((window) => says(toG(toDegrees(window))) === 'gyro_deg_s,acc_g'),
    degPerSNoMag: percent((window) => says(rescale(window, 1, DEGREES, 0)) === 'gyro_deg_s'),
  };
}

/** A tally per motif, and one of all. */
export function tallyMotifs({ motifs, labels, windows }: WindowSet): Record<string, Tally> {
  const rows = motifs.map((motif, i) => [motif, tallyWarnings(windows.filter((_, n) => labels[n] === i))] as const);
  return Object.fromEntries([...rows, ['all', tallyWarnings(windows)]]);
}
