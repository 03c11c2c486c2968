import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type FeedDeps, feedCommand } from '../../src/cli/feed.ts';
import { createIo } from '../../src/cli/io.ts';
import { reachUrl } from '../../src/reach.ts';
import { type StreamDaemon, type StreamDaemonOptions, startStreamDaemon } from './stream-daemon.ts';

export const HEADER = 't_ms,ax,ay,az,gx,gy,gz,mx,my,mz';
/** 100 Hz; ax turns its sign every 3 s. */
export const line = (i: number) => `${i * 10},${Math.floor(i / 300) % 2 ? -1 : 1},${i},9.81,0,0,0,22,0,-43`;
export const csv = (rows: number, of = line) =>
  [HEADER, ...Array.from({ length: rows }, (_, i) => of(i)), ''].join('\n');

export interface Outcome {
  readonly status: number | null;
  readonly error: { code?: string; message?: string } | null;
  readonly out: string;
  readonly err: string;
  readonly daemon: StreamDaemon;
}

export interface Run {
  readonly argv?: readonly string[];
  readonly text: string;
  /** Instead of a file with the text. */
  readonly source?: string;
  readonly daemon?: StreamDaemonOptions;
  readonly deps?: Partial<FeedDeps>;
}

/** The command against a daemon of its own, and all that came of it. */
export async function feed(t: Test, { argv = [], text, source, daemon: options = {}, deps }: Run): Promise<Outcome> {
  const daemon = await startStreamDaemon(t, options);
  const file = source ?? join(t.testdir(), 'walk.csv');
  if (source === undefined) writeFileSync(file, text);
  const out: string[] = [];
  const err: string[] = [];
  const io = createIo({ write: (line) => out.push(line) }, { write: (line) => err.push(line) }, {});
  const all: FeedDeps = {
    reach: (url) => reachUrl(url ?? daemon.url, { tokenFile: null }),
    stdin: () => process.stdin,
    stdout: { write: (text) => out.push(text), writableNeedDrain: false, on: () => {} },
    onInterrupt: () => () => {},
    patience: { firstMs: 1, longestMs: 5, tries: 5, answerMs: 5000 },
    now: () => performance.now(),
    random: () => 0,
    ...deps,
  };
  let status: number | null = null;
  let error: Outcome['error'] = null;
  try {
    status = await feedCommand([file, ...argv], io, all);
  } catch (thrown) {
    error = thrown as Error;
  }
  return { status, error, out: out.join(''), err: err.join(''), daemon };
}

export const linesOf = (out: string) =>
  out
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => JSON.parse(text));
export const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
