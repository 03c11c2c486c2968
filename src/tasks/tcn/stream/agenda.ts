import type { StreamEvent } from '../../../core/stream-events.ts';
import { CHANNELS, RATE_HZ, ROWS } from '../schema.ts';
import type { Frame } from './frames.ts';
import type { StreamSettings } from './hello.ts';
import { Inflow } from './inflow.ts';
import { spareRowsFor } from './stream-limits.ts';
import { createTimeline, type DueWindow, type Timeline, type TimelineListener } from './timeline.ts';

/**
 * What is to be done next, in order: a window to be computed, which ages since it fell due `at`, or something to be said
 * after those before it.
 */
export type Due =
  | { readonly window: DueWindow; readonly at: number }
  | { readonly window: null; readonly event: StreamEvent };

export interface AgendaListener extends Pick<TimelineListener, 'onNotice'> {
  /** Something has fallen due. */
  onDue(): void;
  /** It had to go before its turn came. */
  onOverflow(due: Due): void;
}

/** Gaps between windows that wait; more of them are told out of turn. */
const MOST_GAPS = 32;

/** From samples to what is due, never more of it than can be kept. */
export class Agenda {
  readonly timeline: Timeline;
  readonly #listener: AgendaListener;
  readonly #due: Due[] = [];
  readonly #later: StreamEvent[] = [];
  /** As many windows as can wait without one of them being overwritten. */
  readonly #mostDue: number;
  readonly #inflow: Inflow;
  #isFinished = false;
  #now = 0;

  constructor({ rateHz, hop, gaps }: StreamSettings, listener: AgendaListener) {
    this.#listener = listener;
    const spareRows = spareRowsFor(rateHz, hop);
    const shape = { modelRateHz: RATE_HZ, channels: CHANNELS, rows: ROWS };
    this.timeline = createTimeline(
      { rateHz, hop, gaps, spareRows, ...shape },
      {
        onWindow: (window) => this.#enqueue({ window, at: this.#now }),
        onGap: (gap) => this.say({ type: 'gap', ...gap }),
        onNotice: listener.onNotice,
      },
    );
    this.#mostDue = Math.floor((spareRows - RATE_HZ / rateHz) / hop);
    this.#inflow = new Inflow({
      timeline: this.timeline,
      portion: Math.max(1, Math.floor((hop * rateHz) / RATE_HZ)),
      hasRoom: () => this.#due.length < this.#mostDue,
    });
  }

  /** How much is due. */
  get size(): number {
    return this.#due.length;
  }

  /** The first sample that has not come; null: none has. */
  get nextSeq(): number | null {
    return this.#inflow.nextSeq;
  }

  take(frame: Frame, now: number): void {
    this.#now = now;
    this.#inflow.add(frame);
  }

  /** After all that came before it, so that what it says of the next sample is true. */
  say(event: StreamEvent): void {
    this.#enqueue({ window: null, event });
  }

  /** The same, after samples that are not in the timeline yet, too. */
  sayLast(event: StreamEvent): void {
    if (this.#inflow.isEmpty) this.say(event);
    else this.#later.push(event);
  }

  next(): Due | undefined {
    return this.#due.shift();
  }

  /** The rows of the latest window were read, or given up: more may come in. */
  advance(now: number): void {
    if (this.#inflow.isEmpty) return;
    this.#now = now;
    this.#inflow.advance();
    if (!this.#inflow.isEmpty) return;
    for (const event of this.#later.splice(0)) this.say(event);
    if (this.#isFinished) this.timeline.flush();
  }

  /** No more samples come. */
  finish(now: number): void {
    this.#now = now;
    this.#isFinished = true;
    if (this.#inflow.isEmpty) this.timeline.flush();
  }

  #enqueue(due: Due): void {
    this.#due.push(due);
    if (this.#due.length > this.#mostDue + MOST_GAPS) this.#listener.onOverflow(this.#due.shift()!);
    this.#listener.onDue();
  }
}
