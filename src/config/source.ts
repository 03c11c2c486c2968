import { ConfigError, type Position } from './problems.ts';

/** A parsed file with the place of everything, independent of the library that parsed it. */
export type SourceNode = SourceGroup | SourceList | SourceScalar;

export interface SourceGroup {
  readonly kind: 'group';
  readonly at: Position;
  readonly entries: readonly SourceEntry[];
}

export interface SourceEntry {
  readonly name: string;
  readonly at: Position;
  readonly value: SourceNode;
}

export interface SourceList {
  readonly kind: 'list';
  readonly at: Position;
  readonly items: readonly SourceNode[];
}

export interface SourceScalar {
  readonly kind: 'scalar';
  readonly at: Position;
  readonly value: null | boolean | number | string;
  /** As written, for an unquoted number that is meant as text: version 1.10 is not 1.1. */
  readonly text: string;
}

/** No configuration is larger; readers may stop one byte later. */
export const FILE_LIMIT_BYTES = 1024 * 1024;
/** Parsing time grows with this part; comments are nearly free. The shipped file needs 2 KiB of it. */
const CONTENT_LIMIT_BYTES = 64 * 1024;

/**
 * The bytes of a configuration file as text.
 * Throws ConfigError when they are too many, no UTF-8, or contain control characters (then it is no text file).
 */
export function decodeSource(bytes: Uint8Array, file: string): string {
  const refuse = (message: string, at: Position | null = { line: 1, column: 1 }) =>
    new ConfigError([{ source: file, at, key: null, message }]);
  if (bytes.length > FILE_LIMIT_BYTES) throw refuse('the file is larger than 1 MiB; this is no configuration.');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw refuse('the file is not UTF-8 text; save it as UTF-8.');
  }
  const control = text.search(/[^\t\n\r\u0020-\u{10FFFF}]/u);
  if (control >= 0) throw refuse('a control character; this is no text file.', positionOf(text, control));
  if (contentBytes(text) > CONTENT_LIMIT_BYTES) {
    throw refuse('the file holds more than 64 KiB beside its comments; this is no configuration.');
  }
  return text;
}

/** Line and column of a character, both from 1. */
export function positionOf(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

function contentBytes(text: string): number {
  let bytes = 0;
  for (const line of text.split('\n')) {
    if (!/^\s*#/.test(line)) bytes += line.length + 1;
  }
  return bytes;
}

/** A parsed file as plain data, for whoever needs no positions. A key that is given twice keeps its last value. */
export function toPlain(node: SourceNode | null): unknown {
  if (node === null) return null;
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(toPlain);
  return Object.fromEntries(node.entries.map(({ name, value }) => [name, toPlain(value)]));
}
