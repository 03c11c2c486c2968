import { SidecarError, toSidecarError } from '../../core/errors.ts';
import type { Call, InputWarning, TaskSettings } from '../../core/task.ts';
import { checkSamples, isBinary, readBinaryWindow } from './binary.ts';
import type { Door } from './door.ts';
import { explain } from './explain.ts';
import { takeInput } from './input-pool.ts';
import { normalise, normaliseWithin } from './normalise.ts';
import type { Plan } from './plan.ts';
import { isNormalised } from './query.ts';
import type { Location } from './refusal.ts';
import { CHANNELS, NO_RANGES, RANGES } from './schema.ts';
import { inspectUnits } from './sentinel.ts';
import { parseWindow } from './window.ts';

/** How the windows of one request are to be read. */
export interface Reading {
  /** They are z-scored already. */
  readonly isReady: boolean;
  /** Per channel the largest accepted absolute value. */
  readonly limits: Float64Array;
}

/** One window as the model takes it. */
export interface Input {
  readonly input: Float32Array;
  readonly warnings: readonly InputWarning[];
}

/** What a float32 that is a number cannot exceed. */
const FINITE = new Float64Array(CHANNELS).fill(3.4028234663852886e38);
const NO_WARNINGS: readonly InputWarning[] = [];

/** @throws SidecarError INVALID_INPUT for a query that is none */
export function toReading(call: Call, settings: TaskSettings): Reading {
  return readingOf(isNormalised(call.query), settings);
}

/** Per channel what a value of a sensor cannot exceed, Infinity neither. */
export function finiteLimits({ validateInputRanges }: TaskSettings): Float64Array {
  return validateInputRanges ? RANGES : FINITE;
}

export function readingOf(isReady: boolean, { validateInputRanges }: TaskSettings): Reading {
  return { isReady, limits: isReady || !validateInputRanges ? NO_RANGES : RANGES };
}

/** Body → model input. Must finish before the first await: the server takes the body's memory back then. */
export function readWindow(call: Call, door: Door, plan: Plan, reading: Reading): Input {
  const { body } = call;
  if (isBinary(call.header('content-type'))) return fromFloats(readBinaryWindow(body), plan, reading, ['body']);
  const window = parseWindow(body, door, reading.limits) ?? explain(body, door, reading.limits);
  return fromOwn(window, plan, reading);
}

/** A window that is somebody else's memory: checked, and copied by being normalised. @throws SidecarError INVALID_INPUT */
export function fromFloats(window: Float32Array, plan: Plan, { isReady, limits }: Reading, loc: Location): Input {
  if (!isReady) {
    const input = takeInput();
    const isWithin = normaliseWithin(window, plan.scale, limits === NO_RANGES ? FINITE : limits, input);
    if (isWithin) return { input, warnings: inspectUnits(window) };
  }
  checkSamples(window, limits, loc);
  if (!isReady) throw new SidecarError('INTERNAL', 'A window was refused in which nothing is wrong.');
  return { input: window.slice(), warnings: NO_WARNINGS };
}

/** A window that was checked and is ours to change. */
export function fromOwn(window: Float32Array, plan: Plan, { isReady }: Reading): Input {
  if (isReady) return { input: window, warnings: NO_WARNINGS };
  return { warnings: inspectUnits(window), input: normalise(window, plan.scale, window) }; // in this order: it is one memory
}

/** For one window of several: its refusal is a result. */
export function attempt(read: () => Input): Input | SidecarError {
  try {
    return read();
  } catch (thrown) {
    return toSidecarError(thrown);
  }
}

/** What is said of any of these windows, once. */
export function warningsOf(read: readonly (Input | SidecarError)[]): readonly InputWarning[] {
  const [first] = read;
  if (read.length === 1 && first !== undefined && !(first instanceof Error)) return first.warnings;
  return [...new Set(read.flatMap((one) => (one instanceof Error ? NO_WARNINGS : one.warnings)))];
}
