/** The latest rows at the model's rate. Rows are counted from the beginning of the stream, over all restarts. */
export class RowRing {
  /** Rows that came so far. */
  end = 0;
  readonly #channels: number;
  readonly #capacity: number;
  readonly #values: Float32Array;
  readonly #times: Float64Array;
  /** For each row, how many rows before it hang on filled samples; modulo 2^32, for only differences are of use. */
  readonly #filledBefore: Uint32Array;
  #filled = 0;

  constructor(capacity: number, channels: number) {
    this.#channels = channels;
    this.#capacity = capacity;
    this.#values = new Float32Array(capacity * channels);
    this.#times = new Float64Array(capacity);
    this.#filledBefore = new Uint32Array(capacity);
  }

  get bytes(): number {
    return this.#values.byteLength + this.#times.byteLength + this.#filledBefore.byteLength;
  }

  add(source: Float32Array, offset: number, timeMs: number, isFilled: boolean): void {
    const slot = this.end % this.#capacity;
    const target = slot * this.#channels;
    for (let i = 0; i < this.#channels; i++) this.#values[target + i] = source[offset + i]!;
    this.#times[slot] = timeMs;
    this.#filledBefore[slot] = this.#filled;
    if (isFilled) this.#filled = (this.#filled + 1) >>> 0;
    this.end++;
  }

  /** All rows were taken so much later than was thought. */
  delay(ms: number): void {
    for (let slot = 0; slot < this.#capacity; slot++) this.#times[slot]! += ms;
  }

  timeOf(row: number): number {
    return this.#times[row % this.#capacity]!;
  }

  /** Of the rows from this one on. */
  filledSince(row: number): number {
    return (this.#filled - this.#filledBefore[row % this.#capacity]!) >>> 0;
  }

  /** Rows `from` to `to`; false: some were overwritten, or never came. */
  read(from: number, to: number, into: Float32Array): boolean {
    if (from < Math.max(0, this.end - this.#capacity) || to > this.end) return false;
    const first = from % this.#capacity;
    const beforeWrap = Math.min(to - from, this.#capacity - first) * this.#channels;
    const start = first * this.#channels;
    into.set(this.#values.subarray(start, start + beforeWrap));
    into.set(this.#values.subarray(0, (to - from) * this.#channels - beforeWrap), beforeWrap);
    return true;
  }
}
