import { CHANNELS } from '../schema.ts';
import type { Frame } from './frames.ts';
import { MAX_FRAME_BYTES } from './stream-limits.ts';
import type { Timeline } from './timeline.ts';

export interface InflowParts {
  readonly timeline: Pick<Timeline, 'push' | 'nextSeq'>;
  /** Samples that make about one window. */
  readonly portion: number;
  /** Whether the next window would overwrite none that waits. */
  hasRoom(): boolean;
}

/**
 * Samples that came faster than their windows are computed: a collar that was asleep sends minutes at once. They go into the
 * timeline a window at a time, as those before are read; what does not fit here goes in at once, at the cost of windows.
 */
export class Inflow {
  readonly #parts: InflowParts;
  readonly #waiting: Frame[] = [];
  #bytes = 0;

  constructor(parts: InflowParts) {
    this.#parts = parts;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** The first sample that has not come. */
  get nextSeq(): number | null {
    const last = this.#waiting.at(-1);
    return last === undefined ? this.#parts.timeline.nextSeq : last.seq + last.samples.length / CHANNELS;
  }

  /** The frame's memory is the caller's again on return. */
  add(frame: Frame): void {
    const rest = this.isEmpty ? this.#pour(frame) : frame;
    if (rest === null) return;
    this.#waiting.push({ ...rest, samples: rest.samples.slice() });
    this.#bytes += rest.samples.byteLength;
    while (this.#bytes > MAX_FRAME_BYTES) this.#push(this.#take());
  }

  /** A window was read: there may be room for the next. */
  advance(): void {
    while (!this.isEmpty && this.#parts.hasRoom()) {
      const rest = this.#pour(this.#take());
      if (rest === null) continue;
      this.#waiting.unshift(rest);
      this.#bytes += rest.samples.byteLength;
    }
  }

  #take(): Frame {
    const frame = this.#waiting.shift()!;
    this.#bytes -= frame.samples.byteLength;
    return frame;
  }

  /** As much as there is room for; what is left over, or null. */
  #pour(frame: Frame): Frame | null {
    const { portion, hasRoom } = this.#parts;
    let rest = frame;
    while (hasRoom()) {
      if (rest.samples.length <= portion * CHANNELS) {
        this.#push(rest);
        return null;
      }
      const { seq, tMs, samples } = rest;
      this.#push({ seq, tMs, samples: samples.subarray(0, portion * CHANNELS) });
      rest = { seq: seq + portion, tMs: null, samples: samples.subarray(portion * CHANNELS) };
    }
    return rest;
  }

  #push({ seq, tMs, samples }: Frame): void {
    this.#parts.timeline.push(seq, tMs, samples);
  }
}
