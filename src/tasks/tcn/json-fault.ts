/** Where a body stops being JSON. */
export interface JsonFault {
  /** Bytes from the start of the body to the first one that no valid JSON could have there; its length at the end. */
  readonly offset: number;
  readonly reason: string;
}

/** Deeper nesting is refused before anything is built from it: a megabyte of brackets costs milliseconds, no stack. */
export const MAX_DEPTH = 1000;

interface Scan {
  readonly bytes: Uint8Array;
  at: number;
  /** The closing bracket that each open list or object waits for. */
  readonly closers: Uint8Array;
  depth: number;
}

const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;
const COLON = 58;
const BACKSLASH = 92;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const LETTER_U = 117;
const LETTER_A = 97;
const LETTER_F = 102;
const LOWER_CASE = 32;

const WORDS = ['true', 'false', 'null'].map((word) => Buffer.from(word));
const SIMPLE_ESCAPES = new Set(Buffer.from('"\\/bfnrt'));
const isDigit = (byte: number | undefined) => byte !== undefined && byte >= ZERO && byte <= ZERO + 9;
const isHex = (byte: number | undefined) =>
  isDigit(byte) || (byte !== undefined && (byte | LOWER_CASE) >= LETTER_A && (byte | LOWER_CASE) <= LETTER_F);

/**
 * The first fault of `bytes` from `start` on (behind a byte order mark), which must be valid UTF-8; null when they are
 * JSON as JSON.parse takes it. V8 names no offset in some of its messages; clients are owed one in all.
 */
export function findJsonFault(bytes: Uint8Array, start: number): JsonFault | null {
  const scan: Scan = { bytes, at: start, closers: new Uint8Array(MAX_DEPTH), depth: 0 };
  do {
    if (!passValue(scan) || !passEnds(scan)) return toFault(scan);
  } while (scan.depth > 0);
  skipSpace(scan);
  return scan.at === bytes.length ? null : toFault(scan);
}

function toFault({ bytes, at, depth }: Scan): JsonFault {
  if (at >= bytes.length) return { offset: at, reason: 'unexpected end' };
  if (depth === MAX_DEPTH) return { offset: at, reason: `nested deeper than ${MAX_DEPTH} levels` };
  return { offset: at, reason: `unexpected ${toName(bytes[at]!)}` };
}

const toName = (byte: number) =>
  byte > 32 && byte < 127 ? `character ${String.fromCharCode(byte)}` : `byte 0x${byte.toString(16).padStart(2, '0')}`;

/** A value up to its end, or into the innermost list or object that it opens. */
function passValue(scan: Scan): boolean {
  for (;;) {
    skipSpace(scan);
    const closer = closerOf(scan.bytes[scan.at]);
    if (closer === null) return passScalar(scan, scan.bytes[scan.at]);
    if (!open(scan, closer)) return false;
    if (scan.bytes[scan.at] === closer) return true;
    if (closer === CLOSE_OBJECT && !passKey(scan)) return false;
  }
}

function closerOf(byte: number | undefined): number | null {
  if (byte === OPEN_LIST) return CLOSE_LIST;
  return byte === OPEN_OBJECT ? CLOSE_OBJECT : null;
}

/** All brackets that close here, then the comma (and the key) before the next value. */
function passEnds(scan: Scan): boolean {
  for (; scan.depth > 0; scan.depth--) {
    skipSpace(scan);
    const closer = scan.closers[scan.depth - 1];
    if (scan.bytes[scan.at] === COMMA) {
      scan.at++;
      skipSpace(scan);
      return closer === CLOSE_LIST || passKey(scan);
    }
    if (scan.bytes[scan.at] !== closer) return false;
    scan.at++;
  }
  return true;
}

function open(scan: Scan, closer: number): boolean {
  if (scan.depth === MAX_DEPTH) return false;
  scan.closers[scan.depth++] = closer;
  scan.at++;
  skipSpace(scan);
  return true;
}

function passKey(scan: Scan): boolean {
  if (!passString(scan)) return false;
  skipSpace(scan);
  if (scan.bytes[scan.at] !== COLON) return false;
  scan.at++;
  return true;
}

function passScalar(scan: Scan, first: number | undefined): boolean {
  if (first === QUOTE) return passString(scan);
  if (first === MINUS || isDigit(first)) return passNumber(scan);
  const word = WORDS.find((candidate) => candidate[0] === first);
  return word?.every((byte) => pass(scan, byte)) === true;
}

/** One byte, if it is this one. */
function pass(scan: Scan, byte: number): boolean {
  if (scan.bytes[scan.at] !== byte) return false;
  scan.at++;
  return true;
}

function passString(scan: Scan): boolean {
  if (!pass(scan, QUOTE)) return false;
  for (;;) {
    const byte = scan.bytes[scan.at];
    if (byte === undefined || byte < 32) return false;
    scan.at++;
    if (byte === QUOTE) return true;
    if (byte === BACKSLASH && !passEscape(scan)) return false;
  }
}

function passEscape(scan: Scan): boolean {
  const byte = scan.bytes[scan.at];
  if (byte === undefined || (byte !== LETTER_U && !SIMPLE_ESCAPES.has(byte))) return false;
  scan.at++;
  for (let digits = byte === LETTER_U ? 4 : 0; digits > 0; digits--) {
    if (!isHex(scan.bytes[scan.at])) return false;
    scan.at++;
  }
  return true;
}

function passNumber(scan: Scan): boolean {
  pass(scan, MINUS);
  if (!pass(scan, ZERO) && !passDigits(scan)) return false;
  if (pass(scan, DOT) && !passDigits(scan)) return false;
  if (!pass(scan, 101) && !pass(scan, 69)) return true;
  if (!pass(scan, 43)) pass(scan, MINUS);
  return passDigits(scan);
}

function passDigits(scan: Scan): boolean {
  const start = scan.at;
  while (isDigit(scan.bytes[scan.at])) scan.at++;
  return scan.at > start;
}

function skipSpace(scan: Scan): void {
  for (;;) {
    const byte = scan.bytes[scan.at];
    if (byte !== 32 && byte !== 10 && byte !== 13 && byte !== 9) return;
    scan.at++;
  }
}
