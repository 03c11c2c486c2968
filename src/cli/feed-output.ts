import { closeSync, openSync, writeSync } from 'node:fs';
import { messageOf, SidecarError } from '../core/errors.ts';
import type { Result } from '../core/stream-events.ts';
import { Bar } from './feed-bar.ts';
import { Ethogram } from './feed-ethogram.ts';
import type { FeedOptions } from './feed-options.ts';

/** Where results go. */
export interface FeedOutput {
  /** `hopMs`: how far a window is from the next one. */
  add(result: Result, hopMs: number): void;
  /** Something else is about to be printed on the same terminal. */
  pause(): void;
  end(): void;
}

export function createOutput(
  kind: NonNullable<FeedOptions['output']>,
  write: (text: string) => void,
  hasColour: boolean,
): FeedOutput {
  if (kind === 'bar') return new Bar(write, hasColour);
  const pause = () => {};
  if (kind === 'results') return { add: (result) => write(`${JSON.stringify(result)}\n`), pause, end: pause };
  const ethogram = new Ethogram((bout) => write(`${JSON.stringify(bout)}\n`));
  return { add: (result, hopMs) => ethogram.add(result, hopMs), pause, end: () => ethogram.end() };
}

/** Writes results to a file, too, a line each. */
export function alsoTo(path: string, output: FeedOutput): FeedOutput {
  const file = open(path);
  return {
    add: (result, hopMs) => {
      writeSync(file, `${JSON.stringify(result)}\n`);
      output.add(result, hopMs);
    },
    pause: () => output.pause(),
    end: () => {
      closeSync(file);
      output.end();
    },
  };
}

function open(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (cause) {
    throw new SidecarError('USAGE', `feed: --save: ${path} cannot be written (${messageOf(cause)}).`, { cause });
  }
}
