import type { Clock } from '../core/log.ts';

/** Says whether a line may be written now, and how many before it were not. */
export type LineLimit = () => { readonly isOpen: boolean; readonly suppressed: number };

/** So many lines per second of the clock: requests come faster than a journal, and an SD card, should write. */
export function createLineLimit(perSecond: number, clock: Clock): LineLimit {
  let second = Number.NaN;
  let lines = 0;
  let suppressed = 0;
  return () => {
    const now = Math.floor(clock() / 1000);
    if (now !== second) lines = 0;
    second = now;
    lines += 1;
    if (lines > perSecond) {
      suppressed += 1;
      return { isOpen: false, suppressed };
    }
    const before = suppressed;
    suppressed = 0;
    return { isOpen: true, suppressed: before };
  };
}
