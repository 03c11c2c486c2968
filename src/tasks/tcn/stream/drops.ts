import { SidecarError } from '../../../core/errors.ts';
import type { DroppedEvent } from '../../../core/stream-events.ts';

const PERIOD_MS = 1000;
const UNREAD = 'Results waited for too long to be read, or windows to be computed.';

/** Windows that get no result: counted at once, told about once a second. */
export class Drops {
  total = 0;
  /** Those of them that had a result, which nobody read in time. */
  unread = 0;
  #untold = 0;
  #error: SidecarError | null = null;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** @param error null: nobody read the result in time */
  add(windows: number, error: SidecarError | null): void {
    this.total += windows;
    this.#untold += windows;
    if (error === null) this.unread += windows;
    this.#error = error ?? this.#error;
  }

  /** What is to be told now; null: nothing. */
  take(now: number, nextSeq: number | null): DroppedEvent | null {
    if (this.#untold === 0 || now - this.#toldAt < PERIOD_MS) return null;
    const count = this.#untold;
    const { code, message } = this.#error ?? { code: 'DEADLINE_EXCEEDED', message: UNREAD };
    this.#toldAt = now;
    this.#untold = 0;
    this.#error = null;
    return { type: 'dropped', count, total: this.total, code, message, next_seq: nextSeq };
  }
}

/** Rows are kept for so long, and no longer. */
export function overtaken(): SidecarError {
  return new SidecarError(
    'QUEUE_FULL',
    'Samples came faster than their windows could be computed: stay within next_seq + limits.max_ahead_samples.',
  );
}
