/**
 * One JSON number of any length and exponent into a float32, exactly as Math.fround(JSON.parse(literal)).
 * The window parser hands over what its own short loop does not cover.
 */
const POWERS = Float64Array.from({ length: 61 }, (_, exponent) => Number(`1e${exponent}`));
const MINUS = 45;
const PLUS = 43;
const DOT = 46;
const ZERO = 48;
const CASE = 32;
const LOWER_E = 101;

/** Up to here an integer of so many digits, and a power of ten, are exact in a double: one operation rounds once. */
const EXACT_DIGITS = 15;
const EXACT_POWER = 22;
/** Up to here the roundings of the running product stay below SLACK: two of 2^-53 per digit beyond the exact ones. */
const BOUNDED_DIGITS = 40;
const SLACK = 2 ** -46;
const LARGEST_EXPONENT = 9999;

const isDigit = (byte: number) => byte >= ZERO && byte <= ZERO + 9;

/** Any so many digits fit an int32. */
export const INT32_DIGITS = 9;
/** 10^n, and from NEGATIVE on -10^n: divided by these, a mantissa gets its sign without a branch and -0 stays -0. */
export const NEGATIVE = 20;
export const DIVISORS: Float64Array = Float64Array.from({ length: 2 * NEGATIVE }, (_, i) =>
  i < NEGATIVE ? POWERS[i]! : -POWERS[i - NEGATIVE]!,
);

/**
 * As readLiteral, faster where a decimal fraction has up to twice INT32_DIGITS digits, as most float64 values print:
 * two int32 halves, then three operations of which two round.
 */
export function readLong(bytes: Uint8Array, at: number, out: Float32Array, index: number): number {
  const sign = bytes[at] === MINUS ? NEGATIVE : 0;
  let p = sign === 0 ? at : at + 1;
  let left = bytes[p] === ZERO ? INT32_DIGITS + 1 : INT32_DIGITS;
  let high = 0;
  let digit = bytes[p]! - ZERO;
  for (; digit >>> 0 <= 9 && left > 0; left--, digit = bytes[++p]! - ZERO) high = (Math.imul(high, 10) + digit) | 0;
  if (digit !== DOT - ZERO) return readLiteral(bytes, at, out, index);
  const point = p;
  digit = bytes[++p]! - ZERO;
  for (; digit >>> 0 <= 9 && left > 0; left--, digit = bytes[++p]! - ZERO) high = (Math.imul(high, 10) + digit) | 0;
  const middle = p;
  const stop = p + INT32_DIGITS;
  let low = 0;
  for (; digit >>> 0 <= 9 && p < stop; digit = bytes[++p]! - ZERO) low = (Math.imul(low, 10) + digit) | 0;
  if (isUnfinished(bytes, at, p, point)) return readLiteral(bytes, at, out, index);
  const value = (high * DIVISORS[p - middle]! + low) / DIVISORS[sign + p - point - 1]!;
  const rounded = Math.fround(value * (1 - SLACK));
  if (rounded !== Math.fround(value * (1 + SLACK))) return readLiteral(bytes, at, out, index);
  out[index] = rounded;
  return p;
}

/** More digits or an exponent follow at `end`, no digit stands after the point, or a needless zero at the start. */
function isUnfinished(bytes: Uint8Array, at: number, end: number, point: number): boolean {
  const start = bytes[at] === MINUS ? at + 1 : at;
  if (point === start || end === point + 1 || isDigit(bytes[end]!)) return true;
  return (bytes[end]! | CASE) === LOWER_E || (bytes[start] === ZERO && point > start + 1);
}

/**
 * Reads the literal at `at` into `out[index]`; the byte after the last one must be no digit (the parser's sentinel).
 *
 * @returns the offset after the literal, or -1 when it breaks the JSON grammar; overflow gives ±Infinity
 */
export function readLiteral(bytes: Uint8Array, at: number, out: Float32Array, index: number): number {
  const isNegative = bytes[at] === MINUS;
  const start = isNegative ? at + 1 : at;
  let p = start;
  let mantissa = 0;
  for (; isDigit(bytes[p]!); p++) mantissa = mantissa * 10 + (bytes[p]! - ZERO);
  let digits = p - start;
  if (digits === 0 || (digits > 1 && bytes[start] === ZERO)) return -1;
  let scale = 0;
  if (bytes[p] === DOT) {
    const first = ++p;
    for (; isDigit(bytes[p]!); p++) mantissa = mantissa * 10 + (bytes[p]! - ZERO);
    scale = p - first;
    if (scale === 0) return -1;
    digits += scale;
  }
  const end = (bytes[p]! | CASE) === LOWER_E ? skipExponent(bytes, p) : p;
  if (end < 0) return -1;
  const power = (end === p ? 0 : exponentOf(bytes, p)) - scale;
  const value = toFloat32(mantissa, digits, power) ?? Math.fround(Number(textOf(bytes, start, end)));
  out[index] = isNegative ? -value : value;
  return end;
}

/** mantissa × 10^power as float32; null when doubles cannot tell between two neighbours. */
function toFloat32(mantissa: number, digits: number, power: number): number | null {
  const size = Math.abs(power);
  if (digits > BOUNDED_DIGITS || size >= POWERS.length) return null;
  const value = power < 0 ? mantissa / POWERS[size]! : mantissa * POWERS[size]!;
  if (digits <= EXACT_DIGITS && size <= EXACT_POWER) return Math.fround(value);
  // Rounding is monotone: when both ends of the interval round alike, so does the exact value within it.
  const below = Math.fround(value * (1 - SLACK));
  return below === Math.fround(value * (1 + SLACK)) ? below : null;
}

/** The offset after the exponent that begins at `at`, or -1. */
function skipExponent(bytes: Uint8Array, at: number): number {
  const first = bytes[at + 1] === PLUS || bytes[at + 1] === MINUS ? at + 2 : at + 1;
  let p = first;
  while (isDigit(bytes[p]!)) p++;
  return p === first ? -1 : p;
}

/** The exponent's value, cut at a size that no mantissa within the limits brings back. */
function exponentOf(bytes: Uint8Array, at: number): number {
  const sign = bytes[at + 1] === MINUS ? -1 : 1;
  let value = 0;
  for (let p = isDigit(bytes[at + 1]!) ? at + 1 : at + 2; isDigit(bytes[p]!); p++) {
    value = Math.min(value * 10 + (bytes[p]! - ZERO), LARGEST_EXPONENT);
  }
  return sign * value;
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
