import type { StreamReport, StreamTotals } from '../../../core/streams.ts';
import type { Stream } from './stream.ts';
import { toReport } from './stream-report.ts';

/** Every stream that is not over, and what those were that are. */
export class Shelf {
  readonly #byId = new Map<string, Stream>();
  readonly #byToken = new Map<string, Stream>();
  readonly #past = { opened: 0, resumed: 0, samples: 0, gaps: 0, dropped: 0 };

  get size(): number {
    return this.#byId.size;
  }

  /** Windows per second that all streams make together. */
  get declared(): number {
    return this.#declaredBy(() => true);
  }

  /** The same of those with a connection. */
  get declaredConnected(): number {
    return this.#declaredBy(({ detachedAt }) => detachedAt === null);
  }

  /** Asked seldom, and added up anew: a running sum would drift with each stream that comes and goes. */
  #declaredBy(counts: (stream: Stream) => boolean): number {
    let sum = 0;
    for (const stream of this.#byId.values()) if (counts(stream)) sum += stream.windowsPerSecond;
    return sum;
  }

  add(stream: Stream): void {
    this.#byId.set(stream.id, stream);
    this.#byToken.set(stream.token, stream);
    this.#past.opened += 1;
  }

  remove(stream: Stream): void {
    this.#byId.delete(stream.id);
    this.#byToken.delete(stream.token);
    const { resumed, samples, gaps } = stream.counts;
    this.#past.resumed += resumed;
    this.#past.samples += samples;
    this.#past.gaps += gaps;
    this.#past.dropped += stream.drops.total;
  }

  find(id: string): Stream | null {
    return this.#byId.get(id) ?? null;
  }

  findByToken(token: string): Stream | null {
    return this.#byToken.get(token) ?? null;
  }

  /** May be changed while it is walked through. */
  values(): IterableIterator<Stream> {
    return this.#byId.values();
  }

  /** Of those whose connection broke the one that has waited longest. */
  oldestDetached(): Stream | null {
    let oldest: Stream | null = null;
    for (const stream of this.#byId.values()) {
      const { detachedAt } = stream;
      if (detachedAt !== null && detachedAt < (oldest?.detachedAt ?? Number.POSITIVE_INFINITY)) oldest = stream;
    }
    return oldest;
  }

  list(now: number): StreamReport[] {
    return [...this.#byId.values()].map((stream) => toReport(stream, now));
  }

  totals(refused: Readonly<Record<string, number>>): StreamTotals {
    const totals = { ...this.#past, refused: { ...refused }, connected: 0, detached: 0, watchers: 0 };
    for (const { counts, detachedAt, watchers, drops } of this.#byId.values()) {
      totals.resumed += counts.resumed;
      totals.samples += counts.samples;
      totals.gaps += counts.gaps;
      totals.dropped += drops.total;
      totals.watchers += watchers.count;
      totals[detachedAt === null ? 'connected' : 'detached'] += 1;
    }
    return { ...totals, declared: this.declared };
  }
}
