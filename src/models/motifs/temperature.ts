import { dot, type Points, pickPoints, rowOf } from './points.ts';
import { createRandom, drawIndices } from './random.ts';

export interface Temperature {
  readonly temperature: number;
  /** Of the windows it was chosen by; TARGET where that can be reached. */
  readonly medianTopScore: number;
}

/** Half of the windows shall have a top score above. */
const TARGET = 0.8;
const COLDEST = 1e-4;
const HOTTEST = 10;
const HALVINGS = 40;
/** A median needs no more; drawn by the seed. */
const MAX_POINTS = 5000;

/**
 * The temperature of a prototype head at which the median window's top score is TARGET: a typical window then names its
 * motif clearly, and a window between two motifs says so. Scores fall as it rises, so it is found by halving.
 *
 * @param units of length one each, as are the prototypes
 */
export function chooseTemperature(units: Points, prototypes: Points, seed: number): Temperature {
  const sample = pickPoints(units, drawIndices(units.count, MAX_POINTS, createRandom(seed)));
  const gaps = Array.from({ length: sample.count }, (_, i) => gapsOf(rowOf(sample, i), prototypes));
  let cold = COLDEST;
  let hot = HOTTEST;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = Math.sqrt(cold * hot);
    if (medianTopScore(gaps, middle) > TARGET) cold = middle;
    else hot = middle;
  }
  const temperature = Number(cold.toPrecision(4));
  return { temperature, medianTopScore: medianTopScore(gaps, temperature) };
}

/** How much smaller each cosine is than the largest. */
function gapsOf(unit: Float64Array, prototypes: Points): Float64Array {
  const cosines = Float64Array.from({ length: prototypes.count }, (_, group) => dot(unit, rowOf(prototypes, group)));
  const largest = Math.max(...cosines);
  return cosines.map((cosine) => largest - cosine);
}

function medianTopScore(gaps: readonly Float64Array[], temperature: number): number {
  const scores = Float64Array.from(gaps, (row) => 1 / row.reduce((sum, gap) => sum + Math.exp(-gap / temperature), 0));
  return scores.sort()[scores.length >> 1]!;
}
