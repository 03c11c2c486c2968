/** The line through times by their numbers: each counts, so that jitter cancels out. */
export interface PeriodFit {
  readonly periodMs: number;
  /** Three standard errors, as a share of the period. */
  readonly doubt: number;
}

/** One period for all stretches between steps that are not usual; null where there is none that goes forward. */
export function fitPeriod(timesMs: readonly number[], isUsual: (stepMs: number) => boolean): PeriodFit | null {
  const sums = stretchesOf(timesMs, isUsual).map(sumsOf);
  const total = (key: keyof Sums) => sums.reduce((sum, one) => sum + one[key], 0);
  const periodMs = total('it') / total('ii');
  if (!(periodMs > 0)) return null;
  const left = Math.max(0, total('tt') - periodMs * total('it'));
  const free = Math.max(1, timesMs.length - sums.length - 1);
  return { periodMs, doubt: (3 * Math.sqrt(left / free / total('ii'))) / periodMs };
}

function stretchesOf(timesMs: readonly number[], isUsual: (stepMs: number) => boolean): number[][] {
  const stretches: number[][] = [];
  for (const [i, time] of timesMs.entries()) {
    const here = stretches.at(-1);
    if (here !== undefined && isUsual(time - (timesMs[i - 1] ?? 0))) here.push(time);
    else stretches.push([time]);
  }
  return stretches;
}

/** Of the distances of numbers and times from their means. */
interface Sums {
  ii: number;
  it: number;
  tt: number;
}

function sumsOf(times: readonly number[]): Sums {
  const begin = times[0] ?? 0; // dates in milliseconds leave too few digits for squares
  const middle = (times.length - 1) / 2;
  const mean = times.reduce((sum, time) => sum + (time - begin), 0) / times.length;
  const sums = { ii: 0, it: 0, tt: 0 };
  for (const [i, time] of times.entries()) {
    const off = time - begin - mean;
    sums.ii += (i - middle) ** 2;
    sums.it += (i - middle) * off;
    sums.tt += off ** 2;
  }
  return sums;
}
