import { fitPeriod } from './feed-period.ts';

/** How many milliseconds one of it is. */
const IN_MS = { s: 1000, ms: 1, us: 1e-3, ns: 1e-6 } as const;
export type TimeUnit = keyof typeof IN_MS;
export const TIME_UNITS = Object.keys(IN_MS) as readonly TimeUnit[];

/** What the sampling of people's motion may look like; a step of each unit means something else within it. */
const SLOWEST_STEP_MS = 202;
const FASTEST_STEP_MS = 0.495;
/** Some clocks write the same time for all samples that they got at once: these are not times of samples. */
export const BURSTS = 0.2;

/** What a list of times looks like. */
export interface Steps {
  readonly rateHz: number;
  /** The usual distance of a step from the median, as a share of it. */
  readonly jitter: number;
  /** How far the rate may be off, as a share of it. */
  readonly doubt: number;
  /** Steps far beyond one and the jitter. */
  readonly gaps: number;
  readonly backward: number;
  /** The share of steps that are none: several samples have one time. */
  readonly repeated: number;
  readonly count: number;
}

export function toMs(time: number, unit: TimeUnit): number {
  return time * IN_MS[unit];
}

/** The unit that a word means, null for none. */
export function timeUnitOf(word: string): TimeUnit | null {
  if (/^(s|secs?|seconds?|sek|sekunden?)$/.test(word)) return 's';
  if (/^(ms|msecs?|millis|milliseconds?|millisekunden?)$/.test(word)) return 'ms';
  if (/^(us|usecs?|micros|microseconds?)$/.test(word)) return 'us';
  return /^(ns|nsecs?|nanos|nanoseconds?)$/.test(word) ? 'ns' : null;
}

/** The one unit in which these times are those of samples, between 5 and 2000 a second; null where there is none. */
export function guessTimeUnit(times: readonly number[]): TimeUnit | null {
  const step = median(stepsOf(times).filter((step) => step > 0));
  return TIME_UNITS.find((unit) => isUsual(toMs(step, unit))) ?? null;
}

function isUsual(stepMs: number): boolean {
  return stepMs >= FASTEST_STEP_MS && stepMs <= SLOWEST_STEP_MS;
}

/** Null where fewer than two times go forward. */
export function measureSteps(timesMs: readonly number[]): Steps | null {
  const all = stepsOf(timesMs);
  const forward = all.filter((step) => step > 0);
  if (forward.length === 0) return null;
  const repeated = all.filter((step) => step === 0).length / all.length;
  const usual = usualSteps(all, median(forward));
  const isUsual = (step: number) => step > usual.least && step < usual.most;
  const line = repeated > BURSTS ? null : fitPeriod(timesMs, isUsual);
  const period = line?.periodMs ?? meanOfBursts(timesMs, all);
  return {
    rateHz: 1000 / period,
    doubt: line?.doubt ?? 0,
    jitter: median(all.filter(isUsual).map((step) => Math.abs(step - period))) / period,
    gaps: all.filter((step) => step >= usual.most).length,
    repeated,
    backward: all.filter((step) => step <= usual.least).length,
    count: all.length,
  };
}

/** What is no pause and no clock that was set back: the quartiles tell how far jitter reaches. */
function usualSteps(steps: readonly number[], middle: number): { least: number; most: number } {
  const sorted = [...steps].sort((a, b) => a - b);
  const quartile = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? middle;
  const [low, high] = [quartile(0.25), quartile(0.75)];
  const reach = 3 * (high - low);
  return { least: Math.min(0, low - reach) - middle * 1e-6, most: Math.max(1.5 * middle, high + reach) };
}

/** From one burst to another, because nobody knows where in a burst the list begins and ends. */
function meanOfBursts(timesMs: readonly number[], steps: readonly number[]): number {
  const first = steps.findIndex((step) => step > 0);
  const last = steps.findLastIndex((step) => step > 0);
  if (first === last) return ((timesMs.at(-1) ?? 0) - (timesMs[0] ?? 0)) / steps.length;
  return ((timesMs[last + 1] ?? 0) - (timesMs[first + 1] ?? 0)) / (last - first);
}

function stepsOf(times: readonly number[]): number[] {
  return times.slice(1).map((time, i) => time - (times[i] ?? 0));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
