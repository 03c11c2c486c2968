import { FEED_HELP } from './feed-help.ts';
import { type FeedOptions, parseFeed } from './feed-options.ts';
import type { StreamReach } from './feed-reach.ts';
import type { Recording } from './feed-recording.ts';
import type { Chunks } from './feed-rows.ts';
import { FeedRun } from './feed-run.ts';
import { refuseSameFile } from './feed-same-file.ts';
import { openSource } from './feed-source.ts';
import type { Patience } from './feed-tries.ts';
import type { Io } from './io.ts';

export interface FeedDeps {
  /** The daemon at the URL, or where the URL is null the one of the configuration at `path`; null for the default places. */
  reach(url: string | null, path: string | null, tokenFile: string | null): StreamReach;
  stdin(): StandardInput;
  readonly stdout: FeedStdout;
  /** ^C, and other signals that end it; returns what ends the listening. */
  onInterrupt(listener: () => void): () => void;
  readonly patience: Patience;
  now(): number;
  random(): number;
}

/** What a feed needs of process.stdin. */
export type StandardInput = Chunks & { destroy(): unknown; readonly fd?: number };

/** What a feed needs of process.stdout. */
export interface FeedStdout {
  write(text: string): unknown;
  readonly writableNeedDrain: boolean;
  on(event: 'drain' | 'error', listener: (error?: NodeJS.ErrnoException) => void): unknown;
}

const INTERRUPTED = 130;

/** Exit status 0 when all was sent and answered, 130 after ^C; throws what ended it otherwise, after what there was was printed. */
export async function feedCommand(argv: readonly string[], io: Io, deps: FeedDeps): Promise<number> {
  const asked = parseFeed(argv);
  if (asked === null) {
    io.out(FEED_HELP);
    return 0;
  }
  const options: FeedOptions = { ...asked, output: asked.output ?? (io.isTerminal ? 'bar' : 'results') };
  const { save, operand } = options;
  if (save !== null) refuseSameFile(save, operand, operand === '-' ? deps.stdin().fd : undefined);
  const reading = new AbortController();
  let run: FeedRun | null = null;
  let source: Recording | null = null;
  let isInterrupted = false;
  const unlisten = deps.onInterrupt(() => {
    if (isInterrupted) run?.abort();
    isInterrupted = true;
    reading.abort();
    run?.stop();
  });
  try {
    source = await openSource(options, { ...deps, signal: reading.signal });
    run = new FeedRun({ ...deps, io, options, source, reading, reach: reachOf(options, deps) });
    await run.toEnd();
  } catch (thrown) {
    if (!isInterrupted || run !== null) throw thrown; // else it is only that its source was closed
  } finally {
    source?.close();
    unlisten();
  }
  return isInterrupted ? INTERRUPTED : 0;
}

function reachOf({ url, config, tokenFile }: FeedOptions, { reach }: FeedDeps): StreamReach {
  return reach(url, config, tokenFile);
}
