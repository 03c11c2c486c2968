import { prepend } from './feed-prepend.ts';
import type { Reading } from './feed-reading.ts';

/** How much is looked at before the first sample is sent: to know the rate, and the unit of the times. */
export interface ProbeLimits {
  readonly rows: number;
  /** Since the first row. */
  readonly ms: number;
}

/** A file is all there; of what comes in its own time nobody wants to wait for much. */
export const PROBE = { file: { rows: 1000, ms: Number.POSITIVE_INFINITY }, flow: { rows: 50, ms: 1000 } } as const;

export interface Probe {
  readonly readings: readonly Reading[];
  /** What comes after them. */
  readonly rest: AsyncIterator<Reading>;
}

const TIME_IS_UP = Symbol();

/** The first readings; when the time is up no more than it takes until they are `enough`. */
export async function probe(
  items: AsyncIterator<Reading>,
  limits: ProbeLimits,
  isEnough: (readings: readonly Reading[]) => boolean,
): Promise<Probe> {
  const readings: Reading[] = [];
  const clock = new Stopwatch(limits.ms);
  try {
    while (readings.length < limits.rows) {
      const next = items.next();
      next.catch(() => {}); // it may be that nobody waits for it yet when it fails
      let come = await Promise.race([next, clock.up]);
      if (come === TIME_IS_UP) {
        if (isEnough(readings)) return { readings, rest: after(next, items) };
        come = await next;
      }
      if (come.done) break;
      readings.push(come.value);
      clock.start();
    }
  } finally {
    clock.stop();
  }
  return { readings, rest: items };
}

class Stopwatch {
  readonly up: Promise<typeof TIME_IS_UP>;
  readonly #ms: number;
  readonly #resolve: (up: typeof TIME_IS_UP) => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(ms: number) {
    const { promise, resolve } = Promise.withResolvers<typeof TIME_IS_UP>();
    this.up = promise;
    this.#ms = ms;
    this.#resolve = resolve;
  }

  /** Once. */
  start(): void {
    if (this.#ms < Number.POSITIVE_INFINITY) this.#timer ??= setTimeout(this.#resolve, this.#ms, TIME_IS_UP);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}

async function* after(first: Promise<IteratorResult<Reading>>, rest: AsyncIterator<Reading>): AsyncGenerator<Reading> {
  const next = await first;
  if (!next.done) yield* prepend([next.value], rest);
}
