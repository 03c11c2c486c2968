import { ERRORS, type ErrorCode, SidecarError } from '../core/errors.ts';
import type { Ended, ErrorEvent, Ready, StreamEvent } from '../core/stream-events.ts';
import type { Hello } from '../core/stream-hello.ts';
import type { ClientSocket } from '../system/websocket.ts';
import type { SampleBuffer } from './feed-buffer.ts';
import { type Undialled, verdictOf } from './feed-dial.ts';
import { readEvent } from './feed-event.ts';
import { toFrame } from './feed-frame.ts';
import { FeedLine } from './feed-line.ts';
import type { StreamReach } from './feed-reach.ts';
import { Tries, type TriesDeps } from './feed-tries.ts';

/** Who hears what the daemon says; no call may throw. */
export interface StreamListener {
  onReady(ready: Ready): void;
  onEvent(event: StreamEvent): void;
  /** The connection is gone, and what is done about it; a sentence for people. */
  onTrouble(sentence: string): void;
}

export interface StreamDeps extends TriesDeps {
  readonly reach: StreamReach;
  readonly hello: Hello;
  readonly buffer: SampleBuffer;
  readonly listener: StreamListener;
  /** Keeps within what the daemon can take: not for what comes in its own time. */
  readonly isPaced: boolean;
  /** True while what was printed has not been taken; the bell rings when it was. */
  isBlocked(): boolean;
}

/** Beyond this, what was sent waits here and not in the memory of the network. */
const MOST_BUFFERED_BYTES = 1 << 20;
const MOST_FRAME_SAMPLES = 512;

/** One stream over as many connections as it takes. */
export class FeedStream {
  readonly #deps: StreamDeps;
  readonly #line: FeedLine;
  #ready: Ready | null = null;
  #lastWindow = -1;
  #keepFromMs = Number.NEGATIVE_INFINITY;
  #lastError: ErrorEvent | null = null;
  #ended: Ended | null = null;
  readonly #tries: Tries;
  #isEnding = false;
  #saidEnd = false;
  #isOver = false;

  constructor(deps: StreamDeps) {
    this.#deps = deps;
    this.#tries = new Tries(deps);
    this.#line = new FeedLine(deps, (message) => this.#hear(message));
  }

  /** True when the daemon is ready to take samples; false when it was aborted before. */
  async open(): Promise<boolean> {
    await this.#connect();
    return this.#ready !== null;
  }

  /** No more samples come. */
  end(): void {
    this.#isEnding = true;
    this.#deps.bell.ring();
  }

  /** Sends until the end was told and acknowledged; null when it was aborted. Throws when the daemon is lost for good. */
  async run(): Promise<Ended | null> {
    const { bell, signal } = this.#deps;
    while (this.#ended === null && !signal.aborted) {
      if (this.#line.isLost) await this.#reconnect();
      else if (!this.#sendSome()) await bell.wait();
    }
    return this.#ended;
  }

  /** Nothing more is heard: what is under way comes after the listener has ended. */
  close(): void {
    this.#isOver = true;
    this.#line.close(this.#ended !== null);
  }

  /** False when there is nothing to do until the bell rings. */
  #sendSome(): boolean {
    const { buffer } = this.#deps;
    const { socket } = this.#line;
    if (socket === null || this.#ready === null || !this.#maySend(socket, this.#ready)) return false;
    if (buffer.unsent > 0) {
      socket.send(toFrame(buffer.take(this.#frameSamples(this.#ready), this.#jumpMs())));
      return true;
    }
    if (!this.#isEnding || this.#saidEnd) return false;
    this.#saidEnd = true;
    socket.send(JSON.stringify({ type: 'end' }));
    return true;
  }

  #maySend(socket: ClientSocket, { limits }: Ready): boolean {
    const { buffer, isPaced, isBlocked } = this.#deps;
    if (socket.bufferedBytes > MOST_BUFFERED_BYTES || isBlocked()) return false;
    return !isPaced || buffer.outstanding < limits.max_ahead_samples || buffer.unsent === 0;
  }

  #frameSamples({ limits }: Ready): number {
    const { buffer, isPaced } = this.#deps;
    const room = isPaced ? limits.max_ahead_samples - buffer.outstanding : MOST_FRAME_SAMPLES;
    return Math.max(1, Math.min(MOST_FRAME_SAMPLES, limits.max_frame_samples, room));
  }

  #jumpMs(): number {
    return 2500 / this.#deps.hello.rate_hz;
  }

  async #reconnect(): Promise<void> {
    await this.#takeBreak();
    await this.#connect();
  }

  /** Says why the connection is gone, and waits; throws when it may not come back. */
  async #takeBreak(): Promise<void> {
    const { code, reason } = this.#line.takeLoss();
    const said = this.#lastError?.error;
    const verdict = verdictOf(code, said === undefined ? reason : `${said.code}: ${said.message}`);
    this.#lastError = null;
    if (!verdict.mayResume) throw this.#givenUp(verdict.why, said?.code);
    this.#deps.listener.onTrouble(`${verdict.why}; connecting again`);
    this.#tries.fail();
    await this.#tries.pause(verdict.waitMs);
  }

  /** Until a ready comes; the first connection fails at once where nobody answers. */
  async #connect(): Promise<void> {
    const { signal } = this.#deps;
    while (!signal.aborted) {
      if (this.#tries.isSpent) throw this.#givenUp(`${this.#tries.failures} tries in a row brought nothing`);
      const dialled = await this.#line.dial(this.#ready === null);
      if (!('socket' in dialled)) await this.#waitAfter(dialled);
      else if (await this.#greet(dialled.socket)) return;
      else await this.#takeBreak();
    }
  }

  /** Throws when another try cannot help. */
  async #waitAfter({ error, mayRetry, retryAfterMs, isSilent }: Undialled): Promise<void> {
    if (this.#deps.signal.aborted) return;
    const isPatient = this.#ready !== null || retryAfterMs > 0 || isSilent;
    if (!mayRetry || !isPatient) throw error;
    this.#tries.fail();
    if (this.#tries.isSpent) throw error;
    this.#deps.listener.onTrouble(`${error.message} Trying again`);
    await this.#tries.pause(retryAfterMs);
  }

  /** True when a ready came. */
  async #greet(socket: ClientSocket): Promise<boolean> {
    const { hello, bell, signal, patience } = this.#deps;
    const before = this.#ready;
    const resume = before === null ? {} : { resume: { token: before.token, last_window: this.#lastWindow } };
    socket.send(JSON.stringify({ ...hello, ...resume }));
    this.#saidEnd = false;
    const why = `the daemon was not ready within ${patience.answerMs / 1000} s`;
    const late = setTimeout(() => this.#line.cut(why), patience.answerMs);
    while (this.#ready === before && !this.#line.isLost && !signal.aborted) await bell.wait();
    clearTimeout(late);
    return this.#ready !== before || signal.aborted;
  }

  #hear(message: string): void {
    const event = this.#isOver ? null : readEvent(message);
    if (event === null) return;
    if (event.type === 'ready') this.#welcome(event);
    else if (event.type === 'error' && event.close !== null) this.#lastError = event;
    else this.#follow(event);
    this.#deps.bell.ring();
  }

  #welcome(ready: Ready): void {
    const { buffer, listener } = this.#deps;
    const isAgain = this.#ready !== null;
    this.#ready = ready;
    if (ready.resumed) buffer.rewind(ready.next_seq);
    else this.#lastWindow = -1;
    if (isAgain && !ready.resumed) {
      buffer.release(0, this.#keepFromMs);
      buffer.rewind(null);
    }
    listener.onReady(ready);
  }

  #follow(event: StreamEvent): void {
    const { buffer, listener, hello } = this.#deps;
    // half a sample less: the next window's first sample shall be among what is kept
    const halfMs = 500 / hello.rate_hz;
    if (event.type === 'result') {
      if (event.window <= this.#lastWindow) return; // had before the connection broke
      this.#lastWindow = event.window;
      this.#tries.succeed();
      const { hop, rate_hz } = this.#ready?.window ?? { hop: 0, rate_hz: 1 };
      this.#keepFromMs = event.start_ms + (hop * 1000) / rate_hz - halfMs;
    }
    if (event.type === 'gap' && event.action === 'restarted') this.#keepFromMs = event.to_ms - halfMs;
    if ('next_seq' in event && event.next_seq !== null) buffer.release(event.next_seq, this.#keepFromMs);
    if (event.type === 'ended') this.#ended = event;
    listener.onEvent(event);
  }

  #givenUp(why: string, code = 'UNAVAILABLE'): SidecarError {
    const known = Object.hasOwn(ERRORS, code) && code !== 'INTERNAL' ? (code as ErrorCode) : 'UNAVAILABLE';
    return new SidecarError(known, `The stream to ${this.#deps.reach.place} is lost: ${why}.`);
  }
}
