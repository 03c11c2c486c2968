import { SidecarError } from '../core/errors.ts';
import { FASTEST_HZ, SLOWEST_HZ } from '../core/stream-hello.ts';
import type { Reading } from './feed-reading.ts';
import type { Layout } from './feed-table.ts';
import type { TextOptions } from './feed-text.ts';
import { BURSTS, guessTimeUnit, measureSteps, type Steps, type TimeUnit, toMs } from './feed-time.ts';

/** How fast a recording is, and how its times are read. */
export interface Timing {
  readonly rateHz: number;
  readonly jitter: number;
  /** Null where the times say nothing about single samples. */
  toMs(time: number): number | null;
  readonly sentence: string;
  readonly warnings: readonly string[];
}

const JITTERY = 0.2;
const OTHER_RATE = 0.05;

/** True where more readings would only make it more exact. */
export function isRateKnown(
  readings: readonly Reading[],
  { time }: Layout,
  { rateHz }: Pick<TextOptions, 'rateHz'>,
): boolean {
  return rateHz !== null || time === null || new Set(readings.flatMap((reading) => reading.time ?? [])).size > 1;
}

/** Throws USAGE where neither the times nor the command line say the rate. */
export function timingOf(
  probe: readonly Reading[],
  { time, ignored }: Layout,
  { rateHz: wanted, timeUnit }: Pick<TextOptions, 'rateHz' | 'timeUnit'>,
  source: string,
): Timing {
  const times = probe.flatMap((reading) => reading.time ?? []);
  if (time === null || times.length < 2) return withoutTimes(wanted, source, time?.name ?? null, ignored);
  const said = timeUnit ?? time.unit;
  const unit = said ?? guessTimeUnit(times);
  if (unit === null) throw noUnit(source, time.name);
  const steps = measureSteps(times.map((value) => toMs(value, unit)));
  if (steps === null) return withoutTimes(wanted, source, time.name, ignored);
  const rateHz = checkRate(wanted ?? round(steps), source, time.name, unit);
  const isBursts = steps.repeated > BURSTS;
  const isOverruled = Math.abs(steps.rateHz / rateHz - 1) > OTHER_RATE;
  const how = said === null ? `${unit}, by its steps` : unit;
  return {
    rateHz,
    jitter: steps.jitter,
    toMs: isBursts || isOverruled ? () => null : (value) => toMs(value, unit),
    sentence: `times from ${time.name} (${how}): ${showRate(steps.rateHz)} Hz${wanted === null ? '' : `, --rate says ${wanted} Hz`}`,
    warnings: warningsOf(steps, wanted, time.name, isBursts),
  };
}

function withoutTimes(wanted: number | null, source: string, name: string | null, ignored: readonly string[]): Timing {
  if (wanted === null) {
    const rest = ignored.length === 0 ? '' : ` (not used: ${ignored.join(', ')}; --columns says which one it is)`;
    const what =
      name === null ? `has no column with times${rest}` : `has no two times that differ in the column "${name}"`;
    throw new SidecarError('USAGE', `feed: ${source} ${what}: say how fast it was sampled, e.g. --rate 100.`);
  }
  return { rateHz: wanted, jitter: 0, toMs: () => null, sentence: `times from --rate ${wanted} Hz`, warnings: [] };
}

function checkRate(rateHz: number, source: string, name: string, unit: TimeUnit): number {
  if (rateHz >= SLOWEST_HZ && rateHz <= FASTEST_HZ) return rateHz;
  const sentence = `${source}: by its column "${name}", read as ${unit}, it was sampled at ${showRate(rateHz)} Hz; a stream takes ${SLOWEST_HZ} to ${FASTEST_HZ} Hz. Say --time-unit s, ms, us or ns where that is the wrong unit.`;
  throw new SidecarError('INVALID_INPUT', sentence);
}

function noUnit(source: string, name: string): SidecarError {
  const sentence = `${source}: the column "${name}" has steps that are those of samples in none of s, ms, us and ns. Say --time-unit, or that the column is none with --columns.`;
  return new SidecarError('INVALID_INPUT', sentence);
}

function warningsOf(steps: Steps, wanted: number | null, name: string, isBursts: boolean): string[] {
  const warnings: string[] = [];
  const off = wanted === null ? 0 : Math.abs(steps.rateHz / wanted - 1);
  if (off > OTHER_RATE)
    warnings.push(`--rate says ${wanted} Hz, the times of ${name} say ${showRate(steps.rateHz)} Hz: they are not used`);
  if (isBursts) {
    const share = Math.round(steps.repeated * 100);
    warnings.push(
      `${share} % of the times of ${name} are that of the sample before: the samples are taken as evenly spaced`,
    );
  } else if (steps.jitter > JITTERY) {
    warnings.push(`the times of ${name} jitter by ${Math.round(steps.jitter * 100)} % of a step`);
  }
  if (steps.gaps > 0 && !isBursts) warnings.push(`${steps.gaps} of the first ${steps.count} steps of ${name} are gaps`);
  if (steps.backward > 0) warnings.push(`${steps.backward} of the first ${steps.count} steps of ${name} go backward`);
  return warnings;
}

/** A clock's 99.97 is meant as 100, and so is 98.9 where it may as well be 100; what is far from a whole number is meant as it is. */
function round({ rateHz, doubt }: Steps): number {
  for (const grain of [50, 10, 5]) {
    const near = grain * Math.round(rateHz / grain);
    if (Math.abs(rateHz / near - 1) < doubt) return near;
  }
  const whole = Math.round(rateHz);
  return Math.abs(rateHz / whole - 1) < 0.005 ? whole : Number(rateHz.toPrecision(6));
}

const showRate = (rateHz: number) => String(Number(rateHz.toPrecision(4)));
