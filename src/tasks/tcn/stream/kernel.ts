import { windowedSinc, ZERO_CROSSINGS } from './windowed-sinc.ts';

/** Tables larger than this are not kept: their weights are computed for each row, which gives the same bits. */
const MOST_WEIGHTS = 4096;
const MOST_TABLES = 64;
/** Ratios with a larger denominator go by floating point, which wanders less than a rounded fraction would. */
const LARGEST_DENOMINATOR = 1024;

/** Row j lies at input sample (half - 1) + j * numerator / denominator. */
export interface Kernel {
  readonly numerator: number;
  readonly denominator: number;
  /** Input samples that a row needs before and after its place. */
  readonly half: number;
  /** One row of weights for each place between two input samples; null: too many of them. */
  readonly table: Float64Array | null;
}

const tables = new Map<number, Kernel>();

/** `step`: input samples per row. One kernel serves all streams of a ratio. */
export function kernelFor(step: number): Kernel {
  const known = tables.get(step);
  if (known !== undefined) return known;
  const kernel = createKernel(step);
  if (kernel.table !== null) keep(step, kernel);
  return kernel;
}

/** Weights of the 2 * half samples around a place that lies `fraction` after an input sample; they add up to 1. */
export function weigh(step: number, fraction: number, into: Float64Array): void {
  const half = into.length / 2;
  const narrowing = Math.min(1, 1 / step);
  let sum = 0;
  for (let i = 0; i < into.length; i++) {
    const weight = windowedSinc(Math.abs(fraction + half - 1 - i) * narrowing);
    into[i] = weight;
    sum += weight;
  }
  for (let i = 0; i < into.length; i++) into[i]! /= sum;
}

function createKernel(step: number): Kernel {
  const denominator = denominatorOf(step);
  const half = Math.ceil(ZERO_CROSSINGS * Math.max(1, step));
  const places = denominator ?? Number.POSITIVE_INFINITY;
  return {
    numerator: denominator === null ? step : Math.round(step * denominator),
    denominator: denominator ?? 1,
    half,
    table: places * 2 * half <= MOST_WEIGHTS ? createTable(step, places, 2 * half) : null,
  };
}

function createTable(step: number, places: number, taps: number): Float64Array {
  const table = new Float64Array(places * taps);
  for (let place = 0; place < places; place++)
    weigh(step, place / places, table.subarray(place * taps, (place + 1) * taps));
  return table;
}

function denominatorOf(step: number): number | null {
  for (let denominator = 1; denominator <= LARGEST_DENOMINATOR; denominator++) {
    const numerator = step * denominator;
    if (Math.abs(numerator - Math.round(numerator)) < 1e-9) return denominator;
  }
  return null;
}

/** Clients choose the rates: the oldest table makes room, for there are more rates than memory. */
function keep(step: number, kernel: Kernel): void {
  if (tables.size >= MOST_TABLES) tables.delete(tables.keys().next().value!);
  tables.set(step, kernel);
}
