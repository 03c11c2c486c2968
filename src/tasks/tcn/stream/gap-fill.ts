/** Rows at once: a filled gap needs no memory of its own length. */
const CHUNK = 16;

export type TakeFilled = (rows: Float32Array, count: number) => void;

/** Stands in for missing samples: the last one held, or a straight line from it to the next. */
export class GapFill {
  readonly action: 'held' | 'interpolated';
  readonly #channels: number;
  readonly #isLine: boolean;
  #chunk: Float32Array | null = null;

  constructor(channels: number, policy: 'hold' | 'interpolate') {
    this.#channels = channels;
    this.action = policy === 'hold' ? 'held' : 'interpolated';
    this.#isLine = policy === 'interpolate';
  }

  fill(count: number, before: Float32Array, after: Float32Array, afterRow: number, take: TakeFilled): void {
    this.#chunk ??= new Float32Array(CHUNK * this.#channels);
    for (let done = 0; done < count; done += CHUNK) {
      const rows = Math.min(CHUNK, count - done);
      for (let row = 0; row < rows; row++) {
        const share = this.#isLine ? (done + row + 1) / (count + 1) : 0;
        this.#fillRow(row, share, before, after, afterRow);
      }
      take(this.#chunk, rows);
    }
  }

  #fillRow(row: number, share: number, before: Float32Array, after: Float32Array, afterRow: number): void {
    for (let i = 0; i < this.#channels; i++) {
      const start = before[i]!;
      this.#chunk![row * this.#channels + i] = start + (after[afterRow * this.#channels + i]! - start) * share;
    }
  }
}
