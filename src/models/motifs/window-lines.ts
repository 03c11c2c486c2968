import { messageOf, SidecarError } from '../../core/errors.ts';

/** One line of a file of windows. */
export interface WindowLine {
  /** From 1. */
  readonly line: number;
  /** Raw values, row-major. */
  readonly window: Float32Array;
  /** null when the line has none. */
  readonly label: string | null;
}

export interface WindowLinesOptions {
  /** As errors name the source: a file, or "standard input". */
  readonly name: string;
  /** The bytes of one JSON object → its window; throws a SidecarError that says what is wrong. */
  parseWindow(json: Uint8Array): Float32Array;
}

const MAX_LINE_BYTES = 1 << 20;
const LINE_END = 10;
const LONGEST_LABEL = 64;

/**
 * Windows of an NDJSON stream, as they come; lines of white space are passed over. Throws INVALID_INPUT with the line's
 * number at the first line that is not right, or when the stream cannot be read.
 */
export async function* readWindowLines(
  chunks: AsyncIterable<Uint8Array>,
  options: WindowLinesOptions,
): AsyncGenerator<WindowLine> {
  for await (const { line, bytes } of splitLines(chunks, options.name)) {
    if (isBlank(bytes)) continue;
    const where = `${options.name}, line ${line}`;
    yield { line, window: parse(bytes, where, options), label: labelOf(bytes, where) };
  }
}

interface Line {
  readonly line: number;
  readonly bytes: Buffer;
}

async function* splitLines(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Line> {
  let line = 1;
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of readable(chunks, name)) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, start)) {
      requireShort(pendingBytes + end - start, name, line);
      yield { line, bytes: toBytes([...pending, chunk.subarray(start, end)], line) };
      pending = [];
      pendingBytes = 0;
      start = end + 1;
      line++;
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
    pendingBytes += chunk.length - start;
    requireShort(pendingBytes, name, line);
  }
  if (pendingBytes > 0) yield { line, bytes: toBytes(pending, line) };
}

async function* readable(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (cause) {
    const remedy = 'Name a file of one window per line with --windows, or "-" for standard input.';
    throw new SidecarError('INVALID_INPUT', `${name} cannot be read: ${messageOf(cause)}. ${remedy}`, { cause });
  }
}

function requireShort(lineBytes: number, name: string, line: number): void {
  if (lineBytes <= MAX_LINE_BYTES) return;
  const remedy = 'Write one window per line, ended by a line feed.';
  throw new SidecarError('INVALID_INPUT', `${name}, line ${line} is longer than ${MAX_LINE_BYTES} bytes. ${remedy}`);
}

/** Some editors begin a file with a byte order mark. */
function toBytes(parts: readonly Uint8Array[], line: number): Buffer {
  const bytes = Buffer.concat(parts);
  const isMarked = line === 1 && bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]));
  return isMarked ? bytes.subarray(3) : bytes;
}

const isBlank = (bytes: Uint8Array) => bytes.every((byte) => byte === 32 || byte === 9 || byte === 13);

function parse(bytes: Uint8Array, where: string, options: WindowLinesOptions): Float32Array {
  try {
    return options.parseWindow(bytes);
  } catch (cause) {
    const remedy =
      'Each line is {"x": [[9 numbers] × 100], "label": "walk"}, raw values, the label optional: correct or remove it; nothing was written.';
    throw new SidecarError('INVALID_INPUT', `${where}: ${messageOf(cause).replace(/[.]?$/, '.')} ${remedy}`, { cause });
  }
}

/** The bytes are the JSON of an object: the window was read from it. */
function labelOf(bytes: Buffer, where: string): string | null {
  const { label = null } = JSON.parse(bytes.toString('utf8')) as { label?: unknown };
  if (label === null || (typeof label === 'string' && isLabel(label))) return label;
  const shown = typeof label === 'object' ? 'a list or an object' : JSON.stringify(label).slice(0, LONGEST_LABEL);
  throw new SidecarError(
    'INVALID_INPUT',
    `${where}: "label" is ${shown}: ${LABEL_RULE}; correct it; nothing was written.`,
  );
}

export const LABEL_RULE = `it takes text of 1 to ${LONGEST_LABEL} characters, no control characters, no space at its ends`;

export function isLabel(text: string): boolean {
  return text !== '' && text.length <= LONGEST_LABEL && text.trim() === text && !/\p{Cc}/u.test(text);
}
