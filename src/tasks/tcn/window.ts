import type { Door } from './door.ts';
import { takeInput } from './input-pool.ts';
import { DIVISORS, INT32_DIGITS, NEGATIVE, readLong } from './literal.ts';
import { CHANNELS, ROWS } from './schema.ts';

/**
 * The one-pass parser: from a body's bytes straight into float32, no strings, no objects.
 * It knows one layout and returns null for everything else; explain.ts then decides, so null is never a refusal.
 *
 * The body is copied behind a fixed, zero-ended buffer: one address for the compiler to know, and no bounds to check,
 * since the zero at the end belongs to no JSON token and stops every loop.
 */
const LARGEST_BODY_BYTES = 1 << 20;
const bytes = new Uint8Array(LARGEST_BODY_BYTES + 8);
const view = new DataView(bytes.buffer);
const samples = new Float32Array(ROWS * CHANNELS);

const BATCH_DOOR = { quotedKeys: [new TextEncoder().encode('"windows"')] };

const SPACE = 32;
const FOUR_SPACES = 0x20202020;
const COMMA = 44;
const MINUS = 45;
const ZERO = 48;
const COLON = 58;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

/** What `byte - ZERO` is for a dot, and for e or E once its case bit is set. */
const DOT = -2;
const EXPONENT = 53;
const CASE = 32;
/**
 * A body of the usual shape as a window [ROWS×CHANNELS], row-major; the result is fresh and the caller's.
 *
 * @param limits per channel, the three of one sensor alike; a value that reaches its limit makes the body unusual: whether it is in range is for
 *   the exact path to decide, which sees it in double precision. Infinity still keeps out float32 overflow.
 * @returns null for a body that is not of the usual shape, valid or not
 */
export function parseWindow(body: Uint8Array, door: Door, limits: Float64Array): Float32Array | null {
  const bodyBytes = body.length;
  if (bodyBytes > LARGEST_BODY_BYTES) return null;
  bytes.set(body);
  bytes[bodyBytes] = 0;
  const at = readRows(readStart(door));
  if (at < 0 || readEnd(at) !== bodyBytes || !isBelow(limits)) return null;
  return copySamples();
}

/**
 * A body `{"windows":[…]}` of the usual shape as its windows, each as from parseWindow().
 * @param most more windows than this make the body unusual
 * @returns null for a body that is not of the usual shape, one window of it is enough
 */
export function parseWindows(body: Uint8Array, limits: Float64Array, most: number): Float32Array[] | null {
  const bodyBytes = body.length;
  if (bodyBytes > LARGEST_BODY_BYTES) return null;
  bytes.set(body);
  bytes[bodyBytes] = 0;
  const windows: Float32Array[] = [];
  let p = readStart(BATCH_DOOR);
  while (p >= 0 && windows.length < most) {
    if (bytes[p] !== OPEN_LIST) return null;
    p = readRows(skipSpace(p + 1));
    if (p < 0 || !isBelow(limits)) return null;
    windows.push(copySamples());
    p = skipSpace(p);
    if (bytes[p] === CLOSE_LIST) return readEnd(p + 1) === bodyBytes ? windows : null;
    if (bytes[p] !== COMMA) return null;
    p = skipSpace(p + 1);
  }
  return null;
}

function copySamples(): Float32Array {
  const window = takeInput();
  window.set(samples);
  return window;
}

/** `{"x":[` → the offset after it, or -1. */
function readStart(door: Pick<Door, 'quotedKeys'>): number {
  let p = skipSpace(0);
  if (bytes[p] !== OPEN_OBJECT) return -1;
  p = readKey(skipSpace(p + 1), door);
  if (p < 0) return -1;
  p = skipSpace(p);
  if (bytes[p] !== COLON) return -1;
  p = skipSpace(p + 1);
  return bytes[p] === OPEN_LIST ? skipSpace(p + 1) : -1;
}

function readKey(at: number, { quotedKeys }: Pick<Door, 'quotedKeys'>): number {
  for (const key of quotedKeys) {
    let length = 0;
    while (length < key.length && bytes[at + length] === key[length]) length++;
    if (length === key.length) return at + length;
  }
  return -1;
}

/** `}` and nothing after it → the offset of the end, or -1. */
function readEnd(at: number): number {
  const p = skipSpace(at);
  return bytes[p] === CLOSE_OBJECT ? skipSpace(p + 1) : -1;
}

/**
 * All rows and the bracket that closes the list of them → the offset after it, or -1.
 *
 * One function on purpose: with the buffers in locals and no call per number, V8 keeps the loop in registers; split
 * into a function per row and per number it takes up to half again as long. Of a number only the short form is read
 * here, digits that fit an int32: those and a power of ten this small are exact in a double, so that one division
 * rounds as JSON.parse does. A digit after a leading zero is left for the comma's check to refuse.
 */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: see above, measured by scripts/bench/parser.ts
function readRows(at: number): number {
  const input = bytes;
  const output = samples;
  const divisors = DIVISORS;
  const rows = ROWS; // what is imported is loaded at each use
  const channels = CHANNELS;
  const longest = INT32_DIGITS;
  const negative = NEGATIVE;
  if (at < 0) return -1;
  let p = at;
  let index = 0;
  for (let row = 1; row <= rows; row++) {
    if (input[p] !== OPEN_LIST) return -1;
    p++;
    for (let channel = 1; channel <= channels; channel++, index++) {
      let byte = input[p]!;
      if (byte === SPACE) byte = input[++p]!;
      if (byte <= SPACE) {
        p = skipSpace(p);
        byte = input[p]!;
      }
      const start = p;
      let divisor = 0;
      if (byte === MINUS) {
        divisor = negative;
        byte = input[++p]!;
      }
      let first = p;
      let mantissa = byte - ZERO;
      if (mantissa >>> 0 > 9) return -1;
      let digit = input[++p]! - ZERO;
      if (mantissa !== 0) {
        for (; digit >>> 0 <= 9; digit = input[++p]! - ZERO) mantissa = (Math.imul(mantissa, 10) + digit) | 0;
      }
      if (digit === DOT) {
        const point = p;
        digit = input[++p]! - ZERO;
        for (; digit >>> 0 <= 9; digit = input[++p]! - ZERO) mantissa = (Math.imul(mantissa, 10) + digit) | 0;
        const decimals = p - point - 1;
        if (decimals === 0) return -1;
        divisor += decimals;
        first++; // the dot is no digit
      }
      if (p - first > longest || (digit | CASE) === EXPONENT) {
        p = readLong(input, start, output, index);
        if (p < 0) return -1;
      } else output[index] = mantissa / divisors[divisor]!;
      if (input[p]! <= SPACE) p = skipSpace(p);
      if (input[p] !== (channel < channels ? COMMA : CLOSE_LIST)) return -1;
      p++;
    }
    if (input[p]! <= SPACE) p = skipSpace(p);
    if (input[p] !== (row < rows ? COMMA : CLOSE_LIST)) return -1;
    p++;
    if (input[p]! <= SPACE) p = skipSpace(p);
  }
  return p;
}

/** Pretty-printed bodies are mostly runs of spaces: four at a time. */
function skipSpace(at: number): number {
  let p = at;
  for (let byte = bytes[p]!; byte === SPACE || byte === 10 || byte === 13 || byte === 9; byte = bytes[p]!) {
    p++;
    while (view.getInt32(p, true) === FOUR_SPACES) p += 4;
  }
  return p;
}

/** Unrolled over the nine channels: the limits then stay in registers. */
function isBelow(limits: Float64Array): boolean {
  const values = samples;
  const acc = limits[0]!;
  const gyro = limits[3]!;
  const mag = limits[6]!;
  for (let i = 0; i < values.length; i += CHANNELS) {
    if (Math.abs(values[i]!) >= acc || Math.abs(values[i + 1]!) >= acc || Math.abs(values[i + 2]!) >= acc) return false;
    if (Math.abs(values[i + 3]!) >= gyro || Math.abs(values[i + 4]!) >= gyro || Math.abs(values[i + 5]!) >= gyro)
      return false;
    if (Math.abs(values[i + 6]!) >= mag || Math.abs(values[i + 7]!) >= mag || Math.abs(values[i + 8]!) >= mag)
      return false;
  }
  return true;
}
