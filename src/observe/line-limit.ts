import type { Clock } from '../core/log.ts';

/** Says whether a line may be written now, and how many before it were not. */
export type LineLimit = () => { readonly isOpen: boolean; readonly suppressed: number };

/** Writes where the limit lets it; `more` tells how many before were not written, as a field of the line. */
export function within(limit: LineLimit, write: (more: { readonly suppressed?: number }) => void): void {
  const { isOpen, suppressed } = limit();
  if (isOpen) write(suppressed > 0 ? { suppressed } : {});
}

/** So many lines per period of the clock: requests come faster than a journal, and an SD card, should write. */
export function createLineLimit(most: number, clock: Clock, periodMs = 1000): LineLimit {
  let period = Number.NaN;
  let lines = 0;
  let suppressed = 0;
  return () => {
    const now = Math.floor(clock() / periodMs);
    if (now !== period) lines = 0;
    period = now;
    lines += 1;
    if (lines > most) {
      suppressed += 1;
      return { isOpen: false, suppressed };
    }
    const before = suppressed;
    suppressed = 0;
    return { isOpen: true, suppressed: before };
  };
}
