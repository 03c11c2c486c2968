import { SidecarError, toSidecarError } from '../../core/errors.ts';
import { type Door, ENCODE_DOOR, isWindow } from './door.ts';
import { findJsonFault } from './json-fault.ts';
import { rangeRefusal } from './ranges.ts';
import { type Location, refuse } from './refusal.ts';
import { CHANNELS, FLOAT32_OVERFLOW, ROWS } from './schema.ts';

/**
 * The exact path, for every body that the one-pass parser leaves alone: decides by JSON.parse and the schema, and says
 * what is wrong in the words of CONTRACT.md §2.
 *
 * @param limits per channel, inclusive, compared in double precision
 * @returns the window of a body that is unusual but right; the values are those of JSON.parse, rounded to float32
 * @throws SidecarError INVALID_UTF8, or INVALID_INPUT with one item: the first fault in the order of the contract
 */
export function explain(body: Uint8Array, door: Door, limits: Float64Array): Float32Array {
  const value = parseBody(body);
  if (!door.accepts(value)) return describe(value, door);
  const key = keyOf(value as Record<string, unknown>, door)!;
  return toWindow((value as Record<string, number[][]>)[key]!, ['body', key], limits);
}

/**
 * The exact path for a body of several windows: what is wrong with one of them is that one's result.
 *
 * @param most windows that are let in
 * @returns a window, or the refusal of it, in the order of the body
 * @throws SidecarError as explain(), when the body is no list of windows at all
 */
export function explainBatch(body: Uint8Array, limits: Float64Array, most: number): (Float32Array | SidecarError)[] {
  const windows = listOf(parseBody(body));
  if (windows.length === 0) refuse('value_error', BATCH, 'Value error, Expected at least 1 window, got 0');
  if (windows.length > most) {
    refuse('value_error', BATCH, `Value error, Expected at most ${most} windows, got ${windows.length}`);
  }
  return windows.map((window, i) => {
    try {
      if (!isWindow(window)) describeWindow(window, [...BATCH, i]);
      return toWindow(window as number[][], [...BATCH, i], limits);
    } catch (thrown) {
      return toSidecarError(thrown);
    }
  });
}

const BATCH = ['body', 'windows'] as const;

function listOf(body: unknown): readonly unknown[] {
  if (body === null) refuse('missing', ['body'], 'Field required');
  if (typeof body !== 'object' || Array.isArray(body)) refuseType(body);
  if (!Object.hasOwn(body!, 'windows')) refuse('missing', BATCH, 'Field required');
  const { windows } = body as { windows: unknown };
  return Array.isArray(windows) ? windows : refuse('list_type', BATCH, 'Input should be a valid list', windows);
}

function toWindow(rows: readonly number[][], loc: Location, limits: Float64Array): Float32Array {
  checkRanges(rows, loc, limits);
  return Float32Array.from(rows.flat());
}

/** JSON in UTF-8, with or without a byte order mark; an offset in a refusal counts bytes from the body's start. */
function parseBody(body: Uint8Array): unknown {
  const text = decode(body);
  if (text === '') return null;
  const fault = findJsonFault(body, startsWithMark(body) ? 3 : 0);
  if (fault === null) return JSON.parse(text);
  return refuse('json_invalid', ['body', fault.offset], `JSON decode error: ${fault.reason}`);
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new SidecarError('INVALID_UTF8', 'The body is not UTF-8; send JSON encoded as UTF-8.', { cause });
  }
}

const startsWithMark = (body: Uint8Array) => body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;

/** The key that counts: the first of the door's that the body itself has. */
function keyOf(body: object, door: Door): string | undefined {
  return door.keys.find((key) => Object.hasOwn(body, key));
}

/** What is wrong with a body that the schema refused, from the outside in. */
function describe(value: unknown, door: Door): never {
  if (value === null) return refuse('missing', ['body'], 'Field required');
  if (typeof value !== 'object' || Array.isArray(value)) return refuseType(value);
  const key = keyOf(value, door);
  if (key === undefined) return refuse('missing', ['body', door.keys[0]!], toMissing(value, door));
  return describeWindow((value as Record<string, unknown>)[key], ['body', key]);
}

function refuseType(value: unknown): never {
  const msg = 'Input should be a valid dictionary or object to extract fields from';
  return refuse('model_attributes_type', ['body'], msg, value);
}

function toMissing(body: object, door: Door): string {
  const isMisnamed = door === ENCODE_DOOR && Object.hasOwn(body, 'imu_data');
  return isMisnamed ? 'Field required: send the window as "imu_window", not as "imu_data"' : 'Field required';
}

function describeWindow(window: unknown, loc: Location): never {
  if (!Array.isArray(window)) return refuse('list_type', loc, 'Input should be a valid list', window);
  if (window.length !== ROWS) {
    return refuse('value_error', loc, `Value error, Expected ${ROWS} timesteps, got ${window.length}`);
  }
  for (const [i, row] of window.entries()) checkRow(row, i, loc);
  for (const [i, row] of window.entries()) {
    for (const [j, sample] of row.entries()) checkSample(sample, [...loc, i, j]);
  }
  throw new SidecarError('INTERNAL', 'The schema refused a window in which the exact path finds no fault.');
}

function checkRow(row: unknown, i: number, loc: Location): void {
  if (!Array.isArray(row)) refuse('list_type', [...loc, i], 'Input should be a valid list', row);
  if (row.length === CHANNELS) return;
  refuse('value_error', loc, `Value error, Timestep ${i} has ${row.length} channels, expected ${CHANNELS}`);
}

function checkSample(sample: unknown, loc: Location): void {
  if (typeof sample !== 'number') refuse('float_type', loc, 'Input should be a valid number', sample);
  if (Math.abs(sample) < FLOAT32_OVERFLOW) return;
  refuse('value_error', loc, 'Value error, Number does not fit a 32-bit float', sample);
}

function checkRanges(rows: readonly number[][], loc: Location, limits: Float64Array): void {
  for (const row of rows) {
    const channel = row.findIndex((sample, i) => Math.abs(sample) > limits[i]!);
    if (channel < 0) continue;
    throw rangeRefusal(loc, channel, row[channel]!);
  }
}
