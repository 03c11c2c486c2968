import type { SocketLink } from '../../../core/socket.ts';

/** A message that was made, and perhaps sent. */
interface Letter {
  readonly text: string;
  /** Number of the window, for a result; null for all else. */
  readonly window: number | null;
  readonly madeAt: number;
}

export interface OutboxParts {
  /** Results that nobody will get any more. */
  onLost(windows: number): void;
}

/** What a client may leave unread before its messages wait here. */
const UNREAD_BYTES = 32 << 10;
/**
 * Of all messages that are kept, to be sent or to be sent again: what may be on its way when a connection breaks. A second of
 * them, at most the larger figure; the smaller one of those that are older.
 */
const KEPT_BYTES = 4 << 10;
const MOST_KEPT_BYTES = 64 << 10;
const KEPT_MS = 1000;

/**
 * The way out of a stream. Messages are kept for a while after they were sent, because a connection that breaks takes with it
 * what was on its way; what does not fit any more goes, the oldest first, and what of it was never sent is told as lost.
 */
export class Outbox {
  readonly #onLost: OutboxParts['onLost'];
  #letters: Letter[] = [];
  #bytes = 0;
  /** How many of the letters, from the first on, were sent. */
  #sent = 0;
  /** Of those that were sent, the last that is not kept any more; -1: none. */
  #forgotten = -1;
  #handedOver = 0;
  #link: SocketLink | null = null;

  constructor({ onLost }: OutboxParts) {
    this.#onLost = onLost;
  }

  /** Of all messages so far, those that were handed to a connection. */
  get handedOver(): number {
    return this.#handedOver;
  }

  /** Messages wait for a client that does not read. */
  get isStuck(): boolean {
    return this.#link !== null && this.#sent < this.#letters.length;
  }

  put(text: string, window: number | null, now: number): void {
    this.#letters.push({ text, window, madeAt: now });
    this.#bytes += text.length;
    this.flush();
    while (this.#isTooMuch(now)) this.#forgetFirst();
  }

  #isTooMuch(now: number): boolean {
    if (this.#bytes <= KEPT_BYTES || this.#letters.length < 2) return false;
    return this.#bytes > MOST_KEPT_BYTES || this.#letters[0]!.madeAt < now - KEPT_MS;
  }

  #forgetFirst(): void {
    const { text, window } = this.#letters.shift()!;
    this.#bytes -= text.length;
    if (this.#sent === 0) return void (window !== null && this.#onLost(1));
    this.#sent -= 1;
    this.#forgotten = window ?? this.#forgotten;
  }

  /** Sends what the client takes. */
  flush(): void {
    const link = this.#link;
    if (link === null) return;
    while (this.#sent < this.#letters.length && link.bufferedBytes < UNREAD_BYTES) {
      link.send(this.#letters[this.#sent]!.text);
      this.#sent += 1;
      this.#handedOver += 1;
    }
  }

  /** Gives up results that have waited since before `madeBefore`: the client wants to know what is, not what was. */
  expire(madeBefore: number): void {
    if (!this.isStuck) return;
    const isOld = ({ window, madeAt }: Letter, i: number) => i >= this.#sent && window !== null && madeAt < madeBefore;
    const before = this.#letters.length;
    this.#keepOnly((letter, i) => !isOld(letter, i));
    const lost = before - this.#letters.length;
    if (lost > 0) this.#onLost(lost);
  }

  #keepOnly(isKept: (letter: Letter, i: number) => boolean): void {
    this.#letters = this.#letters.filter(isKept);
    this.#bytes = this.#letters.reduce((sum, { text }) => sum + text.length, 0);
  }

  /**
   * Another client, or the same one again; `first` is sent before all else.
   * @param lastWindow the last one whose result it has; null: it does not say, and gets what is kept
   */
  attach(link: SocketLink, first: string, lastWindow: number | null): void {
    this.#link = link;
    link.send(first);
    const from = lastWindow ?? -1;
    if (lastWindow !== null && this.#forgotten > from) this.#onLost(this.#forgotten - from);
    this.#keepOnly(({ window }, i) => (window === null ? i >= this.#sent : window > from));
    this.#sent = 0;
    this.flush();
  }

  detach(): void {
    this.#link = null;
  }
}
