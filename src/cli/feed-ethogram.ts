import type { Result } from '../core/stream-events.ts';

/** A stretch of one motif. */
export interface Bout {
  /** Null where the model names no motifs. */
  readonly motif: string | null;
  readonly index: number;
  readonly start_ms: number;
  readonly end_ms: number;
  readonly windows: number;
  /** Over the windows whose scores of this motif are known; null where none is. */
  readonly mean_score: number | null;
  /** Before it there are no results, from then to then. */
  readonly gap?: { readonly from_ms: number; readonly to_ms: number };
}

/** What a result says is going on. */
export interface Current {
  readonly index: number;
  readonly name: string | null;
}

/** The current motif, by hysteresis and dwell, else the best one; null where the result has neither. */
export function currentOf({ motif, top }: Result): Current | null {
  return motif ?? top?.[0] ?? null;
}

interface Open {
  readonly current: Current;
  readonly startMs: number;
  readonly gap: Bout['gap'];
  windows: number;
  sum: number;
  scored: number;
}

/**
 * Makes bouts of results. Windows overlap: between the last one of a motif and the first one of the next the border is
 * half way between their middles, so that bouts neither overlap nor leave room, but where results are missing.
 */
export class Ethogram {
  readonly #tell: (bout: Bout) => void;
  #open: Open | null = null;
  #last: Result | null = null;

  constructor(tell: (bout: Bout) => void) {
    this.#tell = tell;
  }

  /** `hopMs`: how far a window is from the next one. */
  add(result: Result, hopMs: number): void {
    const current = currentOf(result);
    if (current === null) return;
    const last = this.#last;
    if (last === null || this.#open === null) this.#begin(current, result.start_ms);
    else if (isApart(last, result, hopMs)) {
      this.#close(last.end_ms);
      this.#begin(current, result.start_ms, { from_ms: last.end_ms, to_ms: result.start_ms });
    } else if (this.#open.current.index !== current.index) {
      const border = (middleOf(last) + middleOf(result)) / 2;
      this.#close(border);
      this.#begin(current, border);
    }
    this.#count(result, current);
    this.#last = result;
  }

  /** The last bout ends where its last window does. */
  end(): void {
    if (this.#last !== null) this.#close(this.#last.end_ms);
    this.#last = null;
  }

  #begin(current: Current, startMs: number, gap?: Bout['gap']): void {
    this.#open = { current, startMs, gap, windows: 0, sum: 0, scored: 0 };
  }

  #count(result: Result, { index }: Current): void {
    if (this.#open === null) return;
    const score = result.top?.find((entry) => entry.index === index)?.score ?? result.motif_scores?.[index];
    this.#open.windows += 1;
    if (score === undefined) return;
    this.#open.sum += score;
    this.#open.scored += 1;
  }

  #close(endMs: number): void {
    if (this.#open === null) return;
    const { current, startMs, gap, windows, sum, scored } = this.#open;
    this.#open = null;
    this.#tell({
      motif: current.name,
      index: current.index,
      start_ms: startMs,
      end_ms: endMs,
      windows,
      mean_score: scored === 0 ? null : sum / scored,
      ...(gap !== undefined && { gap }),
    });
  }
}

/** Between the two there is time that no window covers, or the clock went back. */
export function isApart(last: Result, result: Result, hopMs: number): boolean {
  return result.start_ms < last.start_ms || result.start_ms > Math.max(last.end_ms, last.start_ms + 1.5 * hopMs);
}

const middleOf = ({ start_ms, end_ms }: Result) => (start_ms + end_ms) / 2;
