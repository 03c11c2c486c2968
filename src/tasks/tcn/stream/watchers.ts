import type { EventSink } from '../../../core/task.ts';

/** Who only watches a stream, by server-sent events. */
export const MOST_WATCHERS = 8;

/** A watcher that has not read this much misses messages until it has. */
const UNREAD_BYTES = 64 << 10;
const BEAT_MS = 5000;

interface Watcher {
  readonly sink: EventSink;
  missed: number;
}

export class Watchers {
  readonly #watchers = new Set<Watcher>();
  #beatAt = Number.NEGATIVE_INFINITY;

  get count(): number {
    return this.#watchers.size;
  }

  /** Returns what to call when it has gone. */
  add(sink: EventSink): () => void {
    const watcher = { sink, missed: 0 };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** @param text JSON, which has no line ends */
  tell(event: string, text: string, id: number | null): void {
    if (this.#watchers.size === 0) return;
    const message = `event: ${event}\n${id === null ? '' : `id: ${id}\n`}data: ${text}\n\n`;
    for (const watcher of this.#watchers) send(watcher, message);
  }

  /** A sign of life now and then, by which a broken connection is noticed. */
  beat(now: number): void {
    if (this.#watchers.size === 0 || now - this.#beatAt < BEAT_MS) return;
    this.#beatAt = now;
    for (const watcher of this.#watchers) send(watcher, ': still here\n\n');
  }

  /** The stream is over. */
  end(): void {
    for (const { sink } of this.#watchers) {
      sink.write('event: over\ndata: {"type":"over"}\n\n');
      sink.end();
    }
    this.#watchers.clear();
  }
}

function send(watcher: Watcher, message: string): void {
  const { sink } = watcher;
  if (sink.bufferedBytes > UNREAD_BYTES) {
    watcher.missed += 1;
    return;
  }
  if (watcher.missed > 0) sink.write(`event: missed\ndata: {"type":"missed","count":${watcher.missed}}\n\n`);
  watcher.missed = 0;
  sink.write(message);
}
