import type { Clock } from '../../core/log.ts';

/** The latest windows that were really asked for, as the model takes them: what a successor is rehearsed with. */
export interface Recents {
  /** Whether it is time for another one. */
  isDue(): boolean;
  /** Copies a window that was answered as it should be. */
  offer(input: Float32Array): void;
  windows(): readonly Float32Array[];
}

const SIZE = 32;
/** Neighbours of a stream are alike, and a copy of each would cost more than it is worth. */
const EVERY_MS = 250;

export function createRecents(clock: Clock, size = SIZE, everyMs = EVERY_MS): Recents {
  const kept: Float32Array[] = [];
  let next = 0;
  let notBefore = Number.NEGATIVE_INFINITY;
  return {
    isDue: () => clock() >= notBefore,
    offer: (input) => {
      notBefore = clock() + everyMs;
      kept[next] = input.slice();
      next = (next + 1) % size;
    },
    windows: () => kept,
  };
}
