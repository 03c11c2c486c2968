import { toThousandths } from '../../../core/round.ts';
import { RowRing } from './row-ring.ts';

export interface DueWindow {
  /** Counted from 0, over all restarts. */
  readonly index: number;
  /** One past its last row, counted from the beginning of the stream. */
  readonly endRow: number;
  readonly startMs: number;
  readonly endMs: number;
  /** The first sample that came too late to be in it, and so the first that is still needed. */
  readonly nextSeq: number;
  /** How many of its rows hang on filled samples. */
  readonly filled: number;
}

export interface CutterSettings {
  readonly channels: number;
  readonly rows: number;
  readonly hop: number;
  readonly spareRows: number;
}

/** Two rows never bear the same time, not even after rounding to microseconds. */
const SMALLEST_STEP_MS = 0.001;

/** Rows in, windows out. Every row gets its time once, so all windows agree about it. */
export class WindowCutter {
  /** The time of the latest row. */
  lastMs = Number.NEGATIVE_INFINITY;
  readonly #settings: CutterSettings;
  readonly #ring: RowRing;
  #due: number;
  #windows = 0;

  constructor(settings: CutterSettings) {
    this.#settings = settings;
    this.#ring = new RowRing(settings.rows + settings.spareRows, settings.channels);
    this.#due = settings.rows;
  }

  get bytes(): number {
    return this.#ring.bytes;
  }

  /** The window that this row completes. */
  add(source: Float32Array, offset: number, timeMs: number, isFilled: boolean, nextSeq: number): DueWindow | null {
    this.lastMs = Math.max(timeMs, this.lastMs + SMALLEST_STEP_MS);
    this.#ring.add(source, offset, this.lastMs, isFilled);
    return this.#ring.end === this.#due ? this.#cut(nextSeq) : null;
  }

  /** Windows that are due already stay readable. */
  restart(): void {
    this.#due = this.#ring.end + this.#settings.rows;
  }

  get hasCut(): boolean {
    return this.#windows > 0;
  }

  /** The rows had no times of the client's clock; now they have. Windows that are due keep those that they were given. */
  moveTime(ms: number): void {
    this.lastMs += ms;
    this.#ring.delay(ms);
  }

  /** The client's clock went back: so may the times. */
  forgetTime(): void {
    this.lastMs = Number.NEGATIVE_INFINITY;
  }

  read({ endRow }: DueWindow, into: Float32Array): boolean {
    return this.#ring.read(endRow - this.#settings.rows, endRow, into);
  }

  #cut(nextSeq: number): DueWindow {
    const endRow = this.#due;
    const start = endRow - this.#settings.rows;
    this.#due += this.#settings.hop;
    return {
      index: this.#windows++,
      endRow,
      startMs: toThousandths(this.#ring.timeOf(start)),
      endMs: toThousandths(this.#ring.timeOf(endRow - 1)),
      nextSeq,
      filled: this.#ring.filledSince(start),
    };
  }
}
