import type { Units } from './feed-columns.ts';

/** One sample: its number, its time on the clock of the recording, the nine values. */
export interface Sample {
  readonly seq: number;
  readonly timeMs: number;
  readonly values: Float32Array;
}

/** Samples, wherever they come from. */
export interface Recording {
  /** For people. */
  readonly name: string;
  readonly rateHz: number;
  readonly units: Units;
  /** What was understood of the source, for people: a line each. */
  readonly understood: readonly string[];
  /** What looks wrong in it. */
  readonly warnings: readonly string[];
  /** Comes in its own time and cannot be asked to wait. */
  readonly isLive: boolean;
  /** All of it is there already: it need not be looked at piece by piece. */
  readonly isFile: boolean;
  readonly tally: Tally;
  /** Once; it may throw what the source throws. */
  samples(): AsyncIterable<Sample>;
  /** Puts back what was changed. May be called twice. */
  close(): void;
}

/** What was left out of a recording so far: numbers of samples are left out for it, too. */
export interface Tally {
  /** Samples with an empty cell or NaN. */
  missing: number;
  /** Lines that --skip-bad went over. */
  bad: number;
  /** Places where the recording's own times jump forward. */
  jumps: number;
}

export const newTally = (): Tally => ({ missing: 0, bad: 0, jumps: 0 });

/** A clock that jumps by years shall not carry the numbers beyond what a frame's 32 bits can tell apart. */
const LONGEST_JUMP = 1_000_000;

/** Numbers samples by their times: where the times leave room for samples, their numbers are left out. */
export class Numbering {
  readonly #periodMs: number;
  readonly #jumpMs: number;
  readonly #tally: Tally;
  #seq = -1;
  #timeMs = 0;

  /** `jitter` as measured, a share of the period: times that are not exact leave room where nothing is missing. */
  constructor(rateHz: number, jitter: number, tally: Tally) {
    this.#periodMs = 1000 / rateHz;
    this.#jumpMs = this.#periodMs * (1.5 + 8 * jitter);
    this.#tally = tally;
  }

  /** The number and the time of the next row; where its time is not known it is one period after the one before. */
  next(timeMs: number | null): { seq: number; timeMs: number } {
    const time = timeMs ?? (this.#seq < 0 ? 0 : this.#timeMs + this.#periodMs);
    this.#seq += this.#seq < 0 ? 1 : this.#count(time - this.#timeMs);
    this.#timeMs = time;
    return { seq: this.#seq, timeMs: time };
  }

  #count(stepMs: number): number {
    if (!(stepMs >= this.#jumpMs)) return 1;
    this.#tally.jumps += 1;
    return Math.min(LONGEST_JUMP, Math.round(stepMs / this.#periodMs));
  }
}
