import { type Kernel, kernelFor, weigh } from './kernel.ts';

/** `place`: where the row lies, in input samples since the start; `taken`: how many of them it needed. */
export type TakeRow = (place: number, taken: number, isFilled: boolean, source: Float32Array, offset: number) => void;

export interface Resampler {
  /** Rows `from` to `from + count` of `samples`; every row that they complete is given on at once. */
  push(samples: Float32Array, from: number, count: number, isFilled: boolean): void;
  /** Input samples since the start. */
  readonly taken: number;
  restart(): void;
  readonly bytes: number;
}

export function createResampler(step: number, channels: number, take: TakeRow): Resampler {
  return step === 1 ? new PassThrough(channels, take) : new SincResampler(step, channels, take);
}

/** The declared rate is the model's: the samples are the rows, bit for bit. */
class PassThrough implements Resampler {
  taken = 0;
  readonly bytes = 0;
  readonly #channels: number;
  readonly #take: TakeRow;

  constructor(channels: number, take: TakeRow) {
    this.#channels = channels;
    this.#take = take;
  }

  push(samples: Float32Array, from: number, count: number, isFilled: boolean): void {
    for (let row = from; row < from + count; row++) {
      this.taken++;
      this.#take(this.taken - 1, this.taken, isFilled, samples, row * this.#channels);
    }
  }

  restart(): void {
    this.taken = 0;
  }
}

/** Rows on an exact grid that begins where the kernel has all its samples: how they are cut into frames changes no bit. */
class SincResampler implements Resampler {
  taken = 0;
  readonly #kernel: Kernel;
  readonly #step: number;
  readonly #channels: number;
  readonly #take: TakeRow;
  /** The latest samples, one channel after the other, so that a dot product runs through memory. */
  readonly #past: Float32Array;
  readonly #columns: number;
  readonly #weights: Float64Array;
  readonly #row: Float32Array;
  #held = 0;
  #rows = 0;
  #lastFilled = -1;

  constructor(step: number, channels: number, take: TakeRow) {
    this.#kernel = kernelFor(step);
    this.#step = step;
    this.#channels = channels;
    this.#take = take;
    const taps = 2 * this.#kernel.half;
    this.#columns = taps + Math.max(32, taps >> 2);
    this.#past = new Float32Array(this.#columns * channels);
    this.#weights = this.#kernel.table ?? new Float64Array(taps);
    this.#row = new Float32Array(channels);
  }

  get bytes(): number {
    return this.#past.byteLength + (this.#kernel.table === null ? this.#weights.byteLength : 0);
  }

  restart(): void {
    this.taken = 0;
    this.#held = 0;
    this.#rows = 0;
    this.#lastFilled = -1;
  }

  push(samples: Float32Array, from: number, count: number, isFilled: boolean): void {
    for (let done = 0; done < count; ) {
      const part = Math.min(count - done, this.#columns - this.#held);
      this.#append(samples, from + done, part);
      this.#giveRows(isFilled);
      if (isFilled) this.#lastFilled = this.taken - 1;
      this.#forget();
      done += part;
    }
  }

  #append(samples: Float32Array, from: number, count: number): void {
    const past = this.#past;
    let source = from * this.#channels;
    for (let column = this.#held; column < this.#held + count; column++)
      for (let channel = 0; channel < this.#channels; channel++)
        past[channel * this.#columns + column] = samples[source++]!;
    this.#held += count;
    this.taken += count;
  }

  /** A row is given with the very sample that completes it, which is therefore one of the latest part. */
  #giveRows(isFilled: boolean): void {
    const { numerator, denominator, half } = this.#kernel;
    for (;;) {
      const exact = this.#rows * numerator;
      const first = Math.floor(exact / denominator);
      const taken = first + 2 * half;
      if (taken > this.taken) return;
      const fraction = (exact - first * denominator) / denominator;
      this.#computeRow(first - (this.taken - this.#held), fraction);
      this.#rows++;
      const hangsOnFilled = isFilled || this.#lastFilled >= first;
      this.#take(first + half - 1 + fraction, taken, hangsOnFilled, this.#row, 0);
    }
  }

  #computeRow(column: number, fraction: number): void {
    const taps = 2 * this.#kernel.half;
    const weights = this.#weights;
    let offset = 0;
    if (this.#kernel.table === null) weigh(this.#step, fraction, weights);
    else offset = Math.round(fraction * this.#kernel.denominator) * taps;
    for (let channel = 0; channel < this.#channels; channel++) {
      let at = channel * this.#columns + column;
      let sum = 0;
      for (let i = offset; i < offset + taps; i++) sum += weights[i]! * this.#past[at++]!;
      this.#row[channel] = sum;
    }
  }

  /** Full: what no later row needs makes room. */
  #forget(): void {
    if (this.#held < this.#columns) return;
    const { numerator, denominator } = this.#kernel;
    const needed = Math.floor((this.#rows * numerator) / denominator) - (this.taken - this.#held);
    for (let channel = 0; channel < this.#channels; channel++) {
      const start = channel * this.#columns;
      this.#past.copyWithin(start, start + needed, start + this.#held);
    }
    this.#held -= needed;
  }
}
