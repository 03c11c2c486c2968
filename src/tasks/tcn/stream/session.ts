import { SidecarError, toSidecarError } from '../../../core/errors.ts';
import type { SocketLink, SocketListener } from '../../../core/socket.ts';
import type { Ended } from '../../../core/stream-events.ts';
import type { TaskDeps } from '../../../core/task.ts';
import { finiteLimits } from '../reading.ts';
import type { StreamDesk, Visitor } from './desk.ts';
import { BadSample, type FrameReader, noFrame, readBinaryFrame, readJsonFrame } from './frames.ts';
import { readHello } from './hello.ts';
import { type Message, parseMessage, typeName } from './message.ts';
import { breach, CLOSE, closeCodeOf, toErrorEvent } from './session-error.ts';
import type { Stream } from './stream.ts';
import { HELLO_TIMEOUT_MS, MESSAGES_PERIOD_MS, MOST_MESSAGES, MOST_REFUSED_FRAMES } from './stream-limits.ts';

/** One connection: hello, then samples, then an end. What is wrong is told, and then closes it or not. */
export class Session implements SocketListener, Visitor {
  readonly link: SocketLink;
  readonly #desk: StreamDesk;
  readonly #deps: TaskDeps;
  readonly #openedAt: number;
  #stream: Stream | null = null;
  #reader: FrameReader | null = null;
  /** What happens when all that is due is done. */
  #last: (() => void) | null = null;
  /** What happens when the client has taken what waits for it. */
  #afterTaken: (() => void) | null = null;
  #isClosed = false;
  /** The daemon stops: what comes now is for its successor. */
  #isLeaving = false;
  #refused = 0;
  #messages = { period: 0, count: 0 };

  constructor(link: SocketLink, desk: StreamDesk, deps: TaskDeps) {
    this.link = link;
    this.#desk = desk;
    this.#deps = deps;
    this.#openedAt = deps.clock();
    desk.enter(this);
  }

  onText(bytes: Uint8Array): void {
    this.#hear(() => this.#read(parseMessage(bytes)));
  }

  onBinary(bytes: Uint8Array): void {
    this.#hear(() => {
      const { reader, stream } = this.#ready();
      this.#take(stream, readBinaryFrame(bytes, reader, stream.agenda.nextSeq));
    });
  }

  /** Nothing that a client sends, and no fault of ours, may end more than its own connection. */
  #hear(read: () => void): void {
    if (this.#isClosed || this.#isLeaving) return;
    try {
      this.#countMessage();
      read();
      this.#refused = 0;
    } catch (thrown) {
      this.#refuse(toSidecarError(thrown));
    }
  }

  #countMessage(): void {
    const period = Math.floor(this.#deps.clock() / MESSAGES_PERIOD_MS);
    if (period !== this.#messages.period) this.#messages = { period, count: 0 };
    this.#messages.count += 1;
    if (this.#messages.count > MOST_MESSAGES) {
      throw breach(`More than ${MOST_MESSAGES} messages in ${MESSAGES_PERIOD_MS} ms; put more samples into each.`);
    }
  }

  #read(message: Message): void {
    if (message.type === 'hello') return this.#open(message);
    const { reader, stream } = this.#ready();
    if (message.type === 'samples') return this.#take(stream, readJsonFrame(message, reader));
    if (message.type === 'end') return this.#finish(stream);
    throw noFrame(`has ${typeName(message)}, not hello, samples or end`);
  }

  #open(message: Message): void {
    if (this.#stream !== null) throw breach('There was a hello already; another one needs another connection.');
    this.#stream = this.#desk.open(readHello(message), this);
    const { columns } = this.#stream.settings;
    this.#reader = { columns, limits: finiteLimits(this.#deps.settings()) };
  }

  #ready(): { reader: FrameReader; stream: Stream } {
    if (this.#reader === null || this.#stream === null) throw breach('Say hello first.');
    if (this.#last !== null) throw breach('No samples are taken after an end.');
    return { reader: this.#reader, stream: this.#stream };
  }

  #take(stream: Stream, frame: ReturnType<typeof readJsonFrame>): void {
    stream.take(frame, this.#deps.clock());
  }

  #finish(stream: Stream): void {
    stream.finish(this.#deps.clock());
    this.#settleThen(() => this.#whenTaken(() => this.#farewell(stream)));
  }

  /** After it the connection closes, but not before that is on its way as well. */
  #farewell(stream: Stream): void {
    const { counts, drops } = stream;
    stream.tellLastDrops();
    const windows = counts.results - drops.unread;
    stream.tell({ type: 'ended', windows, dropped: drops.total, samples: counts.samples } satisfies Ended);
    this.#whenTaken(() => {
      this.#desk.conclude(stream, this, null);
      this.#close(CLOSE.done, 'ended');
    });
  }

  /** What waits for a client that reads slowly goes first. */
  #whenTaken(next: () => void): void {
    this.#afterTaken = next;
    this.onDrained();
  }

  #settleThen(last: () => void): void {
    this.#last = last;
    if (this.#stream === null || !(this.#stream.hasDue || this.#stream.isInTurns)) this.onSettled();
  }

  onSettled(): void {
    const last = this.#last;
    if (last === null) return;
    this.#last = () => {};
    last();
  }

  /** A frame with a sample that no sensor gives costs its samples; all else costs the connection. */
  #refuse(error: SidecarError): void {
    this.#refused += 1;
    const isBearable = this.#stream !== null && error.code === 'INVALID_INPUT' && this.#refused <= MOST_REFUSED_FRAMES;
    const next = error instanceof BadSample ? { next_seq: error.nextSeq } : {};
    if (isBearable) this.#stream!.agenda.sayLast({ ...toErrorEvent(error, null), ...next });
    else this.#fail(error);
  }

  #fail(error: SidecarError, code = closeCodeOf(error)): void {
    if (this.#isClosed) return;
    if (error.rule.http === 500) this.#deps.streams.failed(error, this.link.requestId);
    if (this.#stream === null) this.#deps.streams.changed(this.#refusal(error));
    this.link.send(JSON.stringify(toErrorEvent(error, code)));
    this.#close(code, `${error.code}: ${error.message}`, error.message);
  }

  #refusal({ message }: SidecarError) {
    const { peer, requestId } = this.link;
    return { what: 'refused', stream: null, name: '', peer, requestId, reason: message } as const;
  }

  #close(code: number, reason: string, told: string | null = null): void {
    if (this.#isClosed) return;
    this.#gone(told);
    this.link.close(code, reason);
  }

  #gone(reason: string | null): void {
    this.#isClosed = true;
    this.#desk.leave(this);
    if (this.#stream !== null) this.#desk.detach(this.#stream, this, reason);
  }

  onTakenOver(): void {
    this.#fail(breach('Another connection has resumed this stream.'), CLOSE.taken);
  }

  onIdle(): void {
    const { idleTimeoutMs } = this.#deps.streams.policy();
    const what = `No samples came for ${idleTimeoutMs} ms (streams.idle_timeout_s)`;
    this.#fail(breach(`${what}; resume when there are some.`), CLOSE.away);
  }

  onStuck(): void {
    this.#gone('it does not read its results');
    this.link.destroy();
  }

  sweep(now: number): void {
    if (this.#afterTaken !== null) this.onDrained(); // what waited may have been given up
    if (this.#stream !== null || now - this.#openedAt < HELLO_TIMEOUT_MS) return;
    this.#fail(breach(`No hello within ${HELLO_TIMEOUT_MS} ms.`));
  }

  onDrained(): void {
    const isTaken = this.#stream?.drained() ?? true; // nothing waits for the client any more
    if (!isTaken || this.#afterTaken === null) return;
    const next = this.#afterTaken;
    this.#afterTaken = null;
    next();
  }

  onClosed(code: number): void {
    if (!this.#isClosed) this.#gone(code === 1000 || code === 1001 ? null : `it closed with ${code}`);
  }

  /** A client that has said end is about to leave by itself. */
  onLeaving(): void {
    if (this.#last !== null) return;
    this.#isLeaving = true;
    const error = new SidecarError(
      'SHUTTING_DOWN',
      'The daemon stops; connect again, to its successor or another box.',
    );
    this.#settleThen(() => this.#whenTaken(() => this.#fail(error)));
  }
}
