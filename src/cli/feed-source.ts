import { accessSync, constants, createReadStream, fstatSync, type Stats, statSync } from 'node:fs';
import { basename } from 'node:path';
import { messageOf, SidecarError } from '../core/errors.ts';
import { pollFile } from '../system/poll-file.ts';
import { isTerminalLine, setLine } from '../system/serial.ts';
import type { StandardInput } from './feed.ts';
import { isIio, openIio } from './feed-iio.ts';
import { refuseMeaningless } from './feed-meaningless.ts';
import type { FeedOptions } from './feed-options.ts';
import type { Recording } from './feed-recording.ts';
import { openText, type TextSource } from './feed-text.ts';

/** Opens what the operand names: - for standard input, iio, a serial line, a pipe, else a file. What cannot be opened is left as it was. */
export async function openSource(options: FeedOptions, deps: SourceDeps): Promise<Recording> {
  const { operand } = options;
  const { now, signal } = deps;
  if (isIio(operand)) return openIio(options, now, signal);
  const source = operand === '-' ? fromStdin(options, deps) : fromPath(options, signal);
  signal.addEventListener('abort', () => source.close(), { once: true });
  try {
    return await openText(source, options.text);
  } catch (thrown) {
    source.close();
    throw thrown;
  }
}

export interface SourceDeps {
  stdin(): StandardInput;
  now(): number;
  /** Aborted when no more shall be read. */
  readonly signal: AbortSignal;
}

function fromStdin(options: FeedOptions, { stdin }: SourceDeps): TextSource {
  refuseMeaningless(options, 'text');
  const chunks = stdin();
  const isFile = chunks.fd !== undefined && fstatSync(chunks.fd).isFile();
  return { name: 'standard input', chunks, isLive: false, isFile, close: () => void chunks.destroy() };
}

function fromPath(options: FeedOptions, signal: AbortSignal): TextSource {
  const { operand: path, baud } = options;
  const stats = look(path);
  const name = basename(path);
  if (stats.isCharacterDevice() && isTerminalLine(path)) {
    refuseMeaningless(options, 'serial');
    return {
      name: path,
      isLive: true,
      isFile: false,
      chunks: pollFile(path, signal),
      close: once(setLine(path, baud)),
    };
  }
  refuseMeaningless(options, 'text');
  if (stats.isFIFO()) return { name, chunks: pollFile(path, signal), isLive: false, isFile: false, close: () => {} };
  const stream = createReadStream(path);
  return { name, chunks: stream, isLive: false, isFile: stats.isFile(), close: () => void stream.destroy() };
}

function look(path: string): Stats {
  let stats: Stats;
  try {
    stats = statSync(path);
    accessSync(path, constants.R_OK);
  } catch (cause) {
    throw new SidecarError('NOT_FOUND', `${path} cannot be read (${messageOf(cause)}). Name a file with samples.`, {
      cause,
    });
  }
  if (!stats.isDirectory()) return stats;
  throw new SidecarError('NOT_FOUND', `${path} is a directory. Name a file with samples in it.`);
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
