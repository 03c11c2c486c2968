import type { EventSink, Reply } from '../core/task.ts';
import type { DrainGate, Lasting } from './drain.ts';
import { MOST_UNSENT_BYTES } from './most-unsent-bytes.ts';
import { bytesOf, NOTHING, toWire } from './reply.ts';
import type { Wire } from './wire.ts';

/** The library's response as far as a reply that goes on uses it. */
export type EventWire = Pick<Wire, 'cork' | 'write' | 'end' | 'onWritable'> & { close(): unknown };

export interface EventStreamListener {
  /** It has ended, or the client has gone; once. */
  onEnded(): void;
  /** The server stops. */
  isLeaving(): boolean;
  /** Who follows the reply has thrown. */
  onFault(thrown: unknown): void;
}

/**
 * A reply of events, each of them written whole, from its head to its end.
 *
 * The library does not say how much it keeps for a client, only whether it keeps anything; and what it keeps waits for the next
 * write, once it was asked to tell when the client takes more. So each time a comment is written, which no client sees.
 */
export class EventStream implements EventSink, Lasting {
  readonly #wire: EventWire;
  readonly #listener: EventStreamListener;
  #unsentBytes = 0;
  #stop: (() => void) | null = null;
  /** Nothing is written any more; what was is still on its way. */
  #isEnding = false;
  #isEnded = false;

  constructor(wire: EventWire, listener: EventStreamListener) {
    this.#wire = wire;
    this.#listener = listener;
  }

  /** All since the client last had taken everything. */
  get bufferedBytes(): number {
    return this.#isEnded ? 0 : this.#unsentBytes;
  }

  /** Once, after the head. */
  begin(follow: NonNullable<Reply['follow']>): void {
    this.#wire.onWritable(() => this.#goOn());
    this.#attempt(() => {
      const stop = follow(this);
      if (!this.#isEnding) this.#stop = stop;
    });
    if (this.#listener.isLeaving()) this.leave();
  }

  write(text: string): void {
    if (this.#isEnding || text === '') return;
    this.#wire.cork(() => this.#put(toWire(text)));
    if (this.#unsentBytes > MOST_UNSENT_BYTES) this.#wire.close();
  }

  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#stop = null;
    if (this.#unsentBytes === 0) this.#finish();
  }

  leave(): void {
    this.#stopFollowing();
    this.end();
  }

  /** The client has gone. */
  gone(): void {
    if (this.#isEnded) return;
    this.#isEnding = true;
    this.#isEnded = true;
    this.#stopFollowing();
    this.#listener.onEnded();
  }

  #put(piece: string | Uint8Array): void {
    const isTaken = this.#wire.write(piece);
    this.#unsentBytes = isTaken ? 0 : this.#unsentBytes + bytesOf(piece);
  }

  #goOn(): boolean {
    if (this.#isEnded) return true;
    this.#put(NOTHING);
    if (this.#isEnding && this.#unsentBytes === 0) this.#finish();
    return true;
  }

  #finish(): void {
    this.#isEnded = true;
    this.#wire.cork(() => this.#wire.end('', false)); // to close as well it would write a header, in the midst of the body
    this.#listener.onEnded();
  }

  #stopFollowing(): void {
    const stop = this.#stop;
    this.#stop = null;
    if (stop !== null) this.#attempt(stop);
  }

  /** A listener of the library that throws would end the process. */
  #attempt(action: () => void): void {
    try {
      action();
    } catch (thrown) {
      this.#listener.onFault(thrown);
      if (!this.#isEnded) this.#wire.close();
    }
  }
}

/** Events that a stop ends. */
export function createEvents(
  gate: DrainGate,
  onFault: (thrown: unknown) => void,
): (wire: EventWire, onEnded: () => void) => EventStream {
  return (wire, onEnded) => {
    const ended = () => {
      gate.lasting.delete(events);
      onEnded();
    };
    const events = new EventStream(wire, { onEnded: ended, isLeaving: () => gate.isDraining, onFault });
    gate.lasting.add(events);
    return events;
  };
}
