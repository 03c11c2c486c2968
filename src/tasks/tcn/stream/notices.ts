import type { Notice } from '../../../core/stream-events.ts';

interface Pending {
  count: number;
  message: string;
  toldAt: number;
}

/** The same thing is told again only after so long, with how often it was. */
const PERIOD_MS = 5000;
const MOST_CODES = 32;

/** What is odd about the samples comes as often as samples do, and nobody wants to read it as often. */
export class Notices {
  readonly #pending = new Map<string, Pending>();
  readonly #tell: (notice: Notice) => void;

  constructor(tell: (notice: Notice) => void) {
    this.#tell = tell;
  }

  add(code: string, count: number, message: string, now: number): void {
    const known = this.#pending.get(code);
    if (known === undefined && this.#pending.size >= MOST_CODES) return;
    const pending = known ?? { count: 0, message, toldAt: Number.NEGATIVE_INFINITY };
    pending.count += count;
    pending.message = message;
    if (known === undefined) this.#pending.set(code, pending);
    if (now - pending.toldAt >= PERIOD_MS) this.#flushOne(code, pending, now);
  }

  /** Tells what was held back for long enough; all of it where nothing more comes. */
  flush(now: number, isLast = false): void {
    for (const [code, pending] of this.#pending) {
      if (pending.count > 0 && (isLast || now - pending.toldAt >= PERIOD_MS)) this.#flushOne(code, pending, now);
    }
  }

  #flushOne(code: string, pending: Pending, now: number): void {
    const { count, message } = pending;
    pending.count = 0;
    pending.toldAt = now;
    this.#tell({ type: 'notice', code, message, count });
  }
}
