import type { SidecarError } from '../../../core/errors.ts';
import type { SocketLink } from '../../../core/socket.ts';
import type { StreamEvent } from '../../../core/stream-events.ts';
import type { EventSink } from '../../../core/task.ts';
import { CHANNELS, RATE_HZ } from '../schema.ts';
import { Agenda, type Due } from './agenda.ts';
import { Drops, overtaken } from './drops.ts';
import type { Frame } from './frames.ts';
import type { StreamSettings } from './hello.ts';
import type { CurrentMotif, MotifTrack } from './motif-track.ts';
import { Notices } from './notices.ts';
import { Outbox } from './outbox.ts';
import { Suspicions } from './suspicions.ts';
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
  /** A window got no result, `waitedMs` after it fell due. */
  onDropped(error: SidecarError, waitedMs: number): void;
  /** Computes its next window; never rejects. */
  compute(stream: Stream): Promise<void>;
}

/** One sensor's stream, with or without a connection at the moment: samples in, windows due, messages out. */
export class Stream implements Turner {
  readonly id: string;
  readonly token: string;
  /** Of its latest connection. */
  peer: string;
  readonly settings: StreamSettings;
  readonly openedAt: number;
  readonly agenda: Agenda;
  readonly watchers = new Watchers();
  readonly notices: Notices;
  readonly suspicions: Suspicions;
  /** null until the first window says what motifs there are. */
  track: { readonly model: string; readonly motifs: MotifTrack } | null = null;
  readonly counts = { samples: 0, results: 0, gaps: 0, resumed: 0 };
  readonly drops = new Drops();
  motif: CurrentMotif | null = null;
  isInTurns = false;
  /** Nobody will send or read any more. */
  isOver = false;
  /** Of the upgrade of its latest connection. */
  requestId = '';
  lastFrameAt: number;
  /** null while there is a connection. */
  detachedAt: number | null = null;
  /** Since when the client has not read what waits for it; null: it reads. */
  stuckSince: number | null = null;
  readonly #outbox: Outbox;
  /** As it was at the last sweep. */
  #handedOver = 0;
  readonly #parts: StreamParts;
  #now: number;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.token = parts.token;
    this.peer = parts.peer;
    this.settings = parts.settings;
    this.openedAt = parts.now;
    this.lastFrameAt = parts.now;
    this.#now = parts.now;
    this.suspicions = new Suspicions(parts.settings.rateHz);
    this.agenda = new Agenda(parts.settings, {
      onDue: () => parts.onDue(this),
      onOverflow: (due) => this.#overflow(due),
      onNotice: (code, count, message) => this.notices.add(code, count, message, this.#now),
    });
    this.notices = new Notices((notice) => this.tell(notice));
    this.#outbox = new Outbox({ onLost: (windows) => this.drops.add(windows, null) });
  }

  get hasDue(): boolean {
    return this.agenda.size > 0;
  }

  /** Windows per second that it makes. */
  get windowsPerSecond(): number {
    return RATE_HZ / this.settings.hop;
  }

  take(frame: Frame, now: number): void {
    this.lastFrameAt = now;
    this.#now = now;
    this.counts.samples += frame.samples.length / CHANNELS;
    this.agenda.take(frame, now);
  }

  /** No more samples come. */
  finish(now: number): void {
    this.#now = now;
    this.agenda.finish(now);
    this.notices.flush(now, true);
  }

  /** Its rows have been overwritten by now. */
  #overflow(due: Due): void {
    if (due.window === null) this.told(due.event);
    else this.dropped(overtaken(), due.at, this.#now);
  }

  runNext(): Promise<void> {
    return this.#parts.compute(this);
  }

  /** What was to be said after the windows before it. */
  told(event: StreamEvent): void {
    if (event.type === 'gap') {
      this.counts.gaps += 1;
      if (event.action === 'restarted') this.track?.motifs.reset();
    }
    this.tell(event);
  }

  result(text: string, window: number, now: number): void {
    this.counts.results += 1;
    this.#outbox.put(text, window, now);
    this.watchers.tell('result', text, window);
  }

  tell(event: StreamEvent): void {
    const text = JSON.stringify(event);
    this.#outbox.put(text, null, this.#now);
    this.watchers.tell(event.type, text, null);
  }

  /** It may have ended, or others have come, since the request was answered. */
  watch(sink: EventSink): () => void {
    const leave = this.watchers.add(sink);
    if (this.isOver) this.watchers.end();
    return leave;
  }

  /** A window that fell due then gets no result. */
  dropped(error: SidecarError, at: number, now: number): void {
    this.drops.add(1, error);
    this.#tellDrops(now);
    this.#parts.onDropped(error, now - at);
  }

  /** Also what would be told later. */
  tellLastDrops(): void {
    this.#tellDrops(Number.POSITIVE_INFINITY);
  }

  #tellDrops(now: number): void {
    const event = this.drops.take(now, this.agenda.nextSeq);
    if (event !== null) this.tell(event);
  }

  /** Once in a while: what was held back, what nobody reads. */
  sweep(now: number, maxAgeMs: number): void {
    this.notices.flush(now);
    this.#outbox.flush();
    this.#outbox.expire(now - maxAgeMs);
    this.#tellDrops(now);
    this.watchers.beat(now);
    const { isStuck, handedOver } = this.#outbox;
    if (!isStuck || handedOver !== this.#handedOver) this.stuckSince = null; // slow is not stuck
    if (isStuck) this.stuckSince ??= now;
    this.#handedOver = handedOver;
  }

  attach(link: SocketLink, ready: string, lastWindow: number | null, now: number): void {
    this.requestId = link.requestId;
    this.peer = link.peer;
    this.detachedAt = null;
    this.stuckSince = null;
    this.#outbox.attach(link, ready, lastWindow);
    this.#tellDrops(now);
  }

  detach(now: number): void {
    this.detachedAt = now;
    this.#outbox.detach();
  }

  end(now: number): void {
    this.isOver = true;
    this.detach(now);
    this.watchers.end();
  }

  drained(): boolean {
    this.#outbox.flush();
    return !this.#outbox.isStuck;
  }
}
