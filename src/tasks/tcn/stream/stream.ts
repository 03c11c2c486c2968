import type { SidecarError } from '../../../core/errors.ts';
import type { SocketLink } from '../../../core/socket.ts';
import type { GapEvent, StreamEvent } from '../../../core/stream-events.ts';
import { CHANNELS, RATE_HZ, ROWS } from '../schema.ts';
import { Drops } from './drops.ts';
import { type Due, overtaken } from './due.ts';
import type { Frame } from './frames.ts';
import type { StreamSettings } from './hello.ts';
import { Inflow } from './inflow.ts';
import type { CurrentMotif, MotifTrack } from './motif-track.ts';
import { Notices } from './notices.ts';
import { Outbox } from './outbox.ts';
import { spareRowsFor } from './stream-limits.ts';
import { createTimeline, type Timeline } from './timeline.ts';
import type { Turner } from './turns.ts';
import { Watchers } from './watchers.ts';

export interface StreamParts {
  readonly id: string;
  /** Whoever has it may take the stream over. */
  readonly token: string;
  readonly peer: string;
  readonly settings: StreamSettings;
  readonly now: number;
  /** It has something due. */
  onDue(stream: Stream): void;
  /** Computes its next window; never rejects. */
  compute(stream: Stream): Promise<void>;
}

/** Gaps between windows that wait; more of them are told out of turn. */
const MOST_GAPS = 32;

/** One sensor's stream, with or without a connection at the moment: samples in, windows due, messages out. */
export class Stream implements Turner {
  readonly id: string;
  readonly token: string;
  readonly peer: string;
  readonly settings: StreamSettings;
  readonly openedAt: number;
  readonly timeline: Timeline;
  readonly watchers = new Watchers();
  readonly notices: Notices;
  /** null until the first window says what motifs there are. */
  track: { readonly model: string; readonly motifs: MotifTrack } | null = null;
  readonly counts = { samples: 0, results: 0, gaps: 0, resumed: 0 };
  readonly drops = new Drops();
  /** The current one. */
  motif: CurrentMotif | null = null;
  isInTurns = false;
  /** Nobody will send or read any more. */
  isOver = false;
  link: SocketLink | null = null;
  lastFrameAt: number;
  /** null while there is a connection. */
  detachedAt: number | null = null;
  /** Since when the client has not read what waits for it; null: it reads. */
  stuckSince: number | null = null;
  readonly #outbox: Outbox;
  readonly #parts: StreamParts;
  readonly #due: Due[] = [];
  /** As many windows as can wait without one of them being overwritten. */
  readonly #mostDue: number;
  readonly #inflow: Inflow;
  #isFinished = false;
  #arrivedAt: number;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.token = parts.token;
    this.peer = parts.peer;
    this.settings = parts.settings;
    this.openedAt = parts.now;
    this.lastFrameAt = parts.now;
    this.#arrivedAt = parts.now;
    const { rateHz, hop, gaps } = parts.settings;
    const spareRows = spareRowsFor(rateHz, hop);
    const shape = { rateHz, modelRateHz: RATE_HZ, channels: CHANNELS, rows: ROWS, hop, gaps };
    this.timeline = createTimeline(
      { ...shape, spareRows },
      {
        onWindow: (window) => this.#enqueue({ window, at: this.#arrivedAt }),
        onGap: (gap) => this.#enqueue({ window: null, gap }),
        onNotice: (code, count, message) => this.notices.add(code, count, message, this.#arrivedAt),
      },
    );
    this.#mostDue = Math.floor((spareRows - RATE_HZ / rateHz) / hop);
    this.#inflow = new Inflow({
      timeline: this.timeline,
      portion: Math.max(1, Math.floor((hop * rateHz) / RATE_HZ)),
      hasRoom: () => this.#due.length < this.#mostDue,
    });
    this.notices = new Notices((notice) => this.tell(notice));
    this.#outbox = new Outbox({ onLost: (windows) => this.drops.add(windows, null) });
  }

  get hasDue(): boolean {
    return this.#due.length > 0;
  }

  get waiting(): number {
    return this.#due.length;
  }

  /** Windows per second that it makes. */
  get windowsPerSecond(): number {
    return RATE_HZ / this.settings.hop;
  }

  take(frame: Frame, now: number): void {
    this.lastFrameAt = now;
    this.#arrivedAt = now;
    this.counts.samples += frame.samples.length / CHANNELS;
    this.#inflow.add(frame);
  }

  /** No more samples come. */
  finish(now: number): void {
    this.#isFinished = true;
    this.#arrivedAt = now;
    if (this.#inflow.isEmpty) this.timeline.flush();
    this.notices.flush(now, true);
  }

  #enqueue(due: Due): void {
    this.#due.push(due);
    if (this.#due.length > this.#mostDue + MOST_GAPS) this.#overflow(this.#due.shift()!);
    this.#parts.onDue(this);
  }

  /** Its rows have been overwritten by now. */
  #overflow(due: Due): void {
    if (due.window === null) this.gap(due.gap);
    else this.dropped(overtaken(), this.#arrivedAt);
  }

  nextDue(): Due | undefined {
    return this.#due.shift();
  }

  /** The rows of the latest window are read, or given up. */
  advance(): void {
    if (this.#inflow.isEmpty) return;
    this.#inflow.advance();
    if (this.#isFinished && this.#inflow.isEmpty) this.timeline.flush();
  }

  get nextSeq(): number | null {
    return this.#inflow.nextSeq;
  }

  runNext(): Promise<void> {
    return this.#parts.compute(this);
  }

  gap(gap: Omit<GapEvent, 'type'>): void {
    this.counts.gaps += 1;
    if (gap.action === 'restarted') this.track?.motifs.reset();
    this.tell({ type: 'gap', ...gap });
  }

  result(text: string, window: number, now: number): void {
    this.counts.results += 1;
    this.#outbox.put(text, window, now);
    this.watchers.tell('result', text, window);
  }

  tell(event: StreamEvent): void {
    const text = JSON.stringify(event);
    this.#outbox.put(text, null, this.#arrivedAt);
    this.watchers.tell(event.type, text, null);
  }

  /** A window that gets no result. */
  dropped(error: SidecarError, now: number): void {
    this.drops.add(1, error);
    this.#tellDrops(now);
  }

  #tellDrops(now: number): void {
    const event = this.drops.take(now, this.timeline.nextSeq);
    if (event !== null) this.tell(event);
  }

  /** Once in a while: what was held back, what nobody reads. */
  sweep(now: number, maxAgeMs: number): void {
    this.notices.flush(now);
    this.#outbox.flush();
    this.#outbox.expire(now - maxAgeMs);
    this.#tellDrops(now);
    this.watchers.beat(now);
    if (!this.#outbox.isStuck) this.stuckSince = null;
    else this.stuckSince ??= now;
  }

  attach(link: SocketLink, ready: string, lastWindow: number): void {
    this.link = link;
    this.detachedAt = null;
    this.stuckSince = null;
    this.#outbox.attach(link, ready, lastWindow);
  }

  detach(now: number): void {
    this.link = null;
    this.detachedAt = now;
    this.#outbox.detach();
  }

  end(now: number): void {
    this.isOver = true;
    this.detach(now);
    this.watchers.end();
  }

  drained(): void {
    this.#outbox.flush();
  }
}
