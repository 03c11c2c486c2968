import { messageOf, SidecarError } from '../core/errors.ts';
import { csvRows } from './feed-csv.ts';
import { prepend } from './feed-prepend.ts';

export type Cell = string | number | null;

/** One line of a recording, not understood yet. */
export interface Row {
  readonly line: number;
  readonly cells: readonly Cell[];
  /** The names of the columns stand in the first such row. */
  readonly isHeader: boolean;
  /** What is wrong with the line, for people; it has no cells then. */
  readonly problem: string | null;
}

export type Chunks = AsyncIterable<string | Uint8Array>;

/** CSV or NDJSON, whichever it is by the first sign in it. Where somebody began to listen the first line may be half a line. */
export async function* readRows({ chunks, name, isLive }: RowSource): AsyncGenerator<Row> {
  const { first, rest } = await peek(isLive ? afterFirstLine(decode(chunks)) : decode(chunks));
  const begin = first.trimStart()[0];
  if (begin === undefined) throw new SidecarError('INVALID_INPUT', `${name} is empty: there are no samples in it.`);
  const texts = prepend([first], rest);
  if (begin === '{' || begin === '[') yield* ndjsonRows(texts);
  else yield* csvRows(texts, delimiterOf(first), name);
}

export interface RowSource {
  /** For people. */
  readonly name: string;
  readonly chunks: Chunks;
  readonly isLive: boolean;
}

async function* afterFirstLine(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let isPast = false;
  for await (const text of texts) {
    if (isPast) yield text;
    else if (text.includes('\n')) {
      isPast = true;
      yield text.slice(text.indexOf('\n') + 1);
    }
  }
}

/** The text up to the end of the first line that is not blank, and all that follows. */
async function peek(rest: AsyncIterator<string>): Promise<{ first: string; rest: AsyncIterator<string> }> {
  let first = '';
  while (!/\S[^\n]*\n/.test(first)) {
    const next = await rest.next();
    if (next.done) break;
    first += next.value;
  }
  return { first: first.replace(/^\uFEFF/, ''), rest };
}

async function* decode(chunks: Chunks): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of chunks) yield typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
}

/** The sign that stands between cells most often in the first line. */
function delimiterOf(text: string): string {
  const line = text.trimStart().split('\n')[0] ?? '';
  const count = (sign: string) => line.split(sign).length - 1;
  const best = [',', ';', '\t'].reduce((a, b) => (count(b) > count(a) ? b : a));
  return count(best) === 0 && line.trim().includes(' ') ? ' ' : best;
}

/** Objects give their keys once, as the header, and then their values in that order. */
async function* ndjsonRows(texts: AsyncIterable<string>): AsyncGenerator<Row> {
  let line = 0;
  let names: readonly string[] | null = null;
  for await (const text of linesOf(texts)) {
    line += 1;
    if (text.trim() === '') continue;
    const value = parse(text);
    if (value instanceof Error) yield bad(line, `is no JSON (${messageOf(value)})`);
    else if (Array.isArray(value)) yield { line, cells: value.map(toCell), isHeader: false, problem: null };
    else if (typeof value !== 'object' || value === null) yield bad(line, 'is neither an object nor an array');
    else {
      const cells = flatten(value);
      if (names === null) {
        names = [...cells.keys()];
        yield { line, cells: names, isHeader: true, problem: null };
      }
      yield { line, cells: names.map((name) => cells.get(name) ?? null), isHeader: false, problem: null };
    }
  }
}

export async function* linesOf(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const text of texts) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

export function bad(line: number, problem: string): Row {
  return { line, cells: [], isHeader: false, problem };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error;
  }
}

/** {"acc": [1, 2, 3]} and {"acc": {"x": 1}} have columns acc_x …, as {"acc_x": 1} has. */
function flatten(value: object, prefix = '', into = new Map<string, Cell>()): Map<string, Cell> {
  for (const [key, inner] of Object.entries(value)) {
    const name = prefix + key;
    const isVector = Array.isArray(inner) && inner.length === 3;
    if (isVector) flatten({ x: inner[0], y: inner[1], z: inner[2] }, `${name}_`, into);
    else if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) flatten(inner, `${name}_`, into);
    else into.set(name, toCell(inner));
  }
  return into;
}

function toCell(value: unknown): Cell {
  if (value === null || typeof value === 'number' || typeof value === 'string') return value;
  return JSON.stringify(value) ?? null;
}
