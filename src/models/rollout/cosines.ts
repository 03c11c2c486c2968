/** Pairs whose cosine reached `atLeast`, and not the next row's. */
export interface CosineRow {
  readonly atLeast: number;
  readonly count: number;
}

export interface CosineFigures {
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  /** 95 of 100 pairs reach it; rounded down as the median is. */
  readonly p5: number;
  /** Rounded down to one digit of its distance from 1: 0.9873 is told as 0.98, 0.99994 as 0.99994. */
  readonly median: number;
  /** From the least to the closest; empty rows are left out. */
  readonly histogram: readonly CosineRow[];
}

/** Where cosines fall, in bins that get finer towards 1: constant time and memory, however many there are. */
export interface Cosines {
  /** -1 to 1; what rounding pushed over is taken for the end. */
  add(cosine: number): void;
  figures(): CosineFigures | null;
}

const DIGITS = 7;
/** Lower edges of the bins: −1, −0.9 … 0.9, then 0.91 … 0.99, 0.991 … up to 0.9999999. */
const EDGES = toEdges();
/** Only these begin a row of the histogram: 20 rows can be read, 74 cannot. */
const ROW_DIGITS = new Set(['1', '2', '5']);

function toEdges(): Float64Array {
  const edges = Array.from({ length: 20 }, (_, i) => (i - 10) / 10);
  for (let digit = 2; digit <= DIGITS; digit++) {
    for (let m = 9; m >= 1; m--) edges.push(Number((1 - m / 10 ** digit).toFixed(digit)));
  }
  return Float64Array.from(edges);
}

export function createCosines(): Cosines {
  const bins = new Float64Array(EDGES.length);
  let count = 0;
  let sum = 0;
  let min = 1;
  return {
    add: (cosine) => {
      const clamped = Math.max(-1, Math.min(1, cosine));
      bins[binOf(clamped)]! += 1;
      count += 1;
      sum += clamped;
      min = Math.min(min, clamped);
    },
    figures: () => {
      if (count === 0) return null;
      const quantile = (share: number) => Math.max(min, edgeAt(bins, count * share));
      return { count, mean: sum / count, min, p5: quantile(0.05), median: quantile(0.5), histogram: toRows(bins) };
    },
  };
}

/** The last bin whose edge is not above the cosine. */
function binOf(cosine: number): number {
  let low = 0;
  let high = EDGES.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (EDGES[middle]! <= cosine) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Edge of the bin in which the pair of this rank lies, counted from the least cosine. */
function edgeAt(bins: Float64Array, rank: number): number {
  let seen = 0;
  const bin = bins.findIndex((count) => {
    seen += count;
    return seen > rank;
  });
  return EDGES[bin]!;
}

function toRows(bins: Float64Array): CosineRow[] {
  const rows: { atLeast: number; count: number }[] = [];
  bins.forEach((count, i) => {
    if (i === 0 || beginsRow(EDGES[i]!)) rows.push({ atLeast: EDGES[i]!, count });
    else rows.at(-1)!.count += count;
  });
  return rows.filter(({ count }) => count > 0);
}

/** By the first digit of its distance from 1; below zero every 0.5 is enough. */
function beginsRow(edge: number): boolean {
  if (edge < 0) return edge === -0.5;
  return ROW_DIGITS.has((1 - edge).toExponential(0).charAt(0));
}
