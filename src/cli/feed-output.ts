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
