import { randomBytes } from 'node:crypto';
import type { SocketLink } from '../../../core/socket.ts';
import type { Ready } from '../../../core/stream-events.ts';
import type { Hello } from '../../../core/stream-hello.ts';
import type { StreamChange, StreamReport, Streams, StreamTotals } from '../../../core/streams.ts';
import type { TaskDeps } from '../../../core/task.ts';
import { RATE_HZ } from '../schema.ts';
import { computeNext } from './compute.ts';
import { isSameSettings, type StreamSettings, toStreamSettings } from './hello.ts';
import { createLoad, type Load } from './load.ts';
import { toReady } from './ready.ts';
import { Room } from './room.ts';
import { Shelf } from './shelf.ts';
import { Stream } from './stream.ts';
import { maxAgeOf, STUCK_TIMEOUT_MS } from './stream-limits.ts';
import { createTurns, type Turns } from './turns.ts';

/** A connection, as far as the desk cares. */
export interface Visitor {
  readonly link: SocketLink;
  /** All that was due of its stream is done. */
  onSettled(): void;
  /** Another connection has its stream from now on. */
  onTakenOver(): void;
  /** No samples come. */
  onIdle(): void;
  /** It does not read. */
  onStuck(): void;
  /** Once a second. */
  sweep(now: number): void;
}

const SWEEP_MS = 1000;
/** Of windows, beyond those that the model takes at a time, on their way to it: enough to keep it busy. */
const SPARE_ROOM = 2;
const GONE = 'There is no stream of this token any more, or not on this box: it begins anew.';
const CHANGED = 'The hello is not the one that the stream began with: it begins anew.';

/** Who gets a stream, who gets one back, and when one is over. */
export class StreamDesk implements Streams {
  readonly #deps: TaskDeps;
  readonly #shelf = new Shelf();
  /** Who has a stream at the moment. */
  readonly #holders = new Map<Stream, Visitor>();
  /** With or without one. */
  readonly #visitors = new Set<Visitor>();
  readonly #turns: Turns;
  readonly #load: Load;
  readonly #timer: NodeJS.Timeout;
  readonly #room: Room;

  constructor(deps: TaskDeps) {
    this.#deps = deps;
    this.#turns = createTurns({ clock: deps.clock, room: () => this.#places() });
    this.#load = createLoad(deps, this.#turns);
    const evict = (stream: Stream) => this.#forget(stream, 'another one needed its place while its client was away');
    this.#room = new Room({ deps, shelf: this.#shelf, load: this.#load, evict });
    this.#timer = setInterval(() => this.sweep(deps.clock()), SWEEP_MS);
    this.#timer.unref();
  }

  #places(): number {
    try {
      return this.#deps.served().runner.pace().capacity + SPARE_ROOM;
    } catch {
      return 1; // so that each window hears why
    }
  }

  /**
   * Before the upgrade. Who says that he wants to resume needs no room but his own: his hello tells.
   * @throws SidecarError STREAMS_FULL, and what served() throws
   */
  admit(wantsToResume: boolean): void {
    this.#deps.served();
    if (!wantsToResume) this.#room.checkAny();
  }

  enter(visitor: Visitor): void {
    this.#visitors.add(visitor);
  }

  leave(visitor: Visitor): void {
    this.#visitors.delete(visitor);
  }

  /** A new stream, or the one that is to be resumed. @throws SidecarError why there is none */
  open(hello: Hello, visitor: Visitor): Stream {
    const settings = toStreamSettings(hello);
    if (hello.resume === undefined) return this.#create(settings, visitor, null);
    const found = this.#shelf.findByToken(hello.resume.token);
    if (found === null) return this.#create(settings, visitor, GONE);
    if (!isSameSettings(found.settings, settings)) return this.#create(settings, visitor, CHANGED);
    return this.#resume(found, visitor, hello.resume.last_window ?? null);
  }

  #create(settings: StreamSettings, visitor: Visitor, reason: string | null): Stream {
    const ready = toReady(settings, this.#deps);
    this.#room.take(RATE_HZ / settings.hop);
    const stream = new Stream({
      id: randomBytes(9).toString('base64url'),
      token: randomBytes(16).toString('base64url'),
      peer: visitor.link.peer,
      settings,
      now: this.#deps.clock(),
      onDue: (one) => this.#turns.due(one),
      onDropped: (error, durationMs) =>
        this.#deps.streams.windowEnded({ inference: null, error, durationMs, warnings: [] }),
      compute: (one) => this.#compute(one),
    });
    this.#shelf.add(stream);
    this.#holders.set(stream, visitor);
    this.#greet(stream, visitor, { ...ready, resumed: false, ...(reason !== null && { reason }) }, null);
    this.#tell('opened', stream, reason);
    return stream;
  }

  #resume(stream: Stream, visitor: Visitor, lastWindow: number | null): Stream {
    const ready = toReady(stream.settings, this.#deps);
    const before = this.#holders.get(stream);
    this.#holders.set(stream, visitor); // before the other one hears: it has no stream to leave any more
    before?.onTakenOver();
    this.#greet(stream, visitor, { ...ready, resumed: true }, lastWindow);
    stream.lastFrameAt = this.#deps.clock();
    stream.counts.resumed += 1;
    this.#tell('resumed', stream, null);
    return stream;
  }

  #greet(
    stream: Stream,
    { link }: Visitor,
    ready: Omit<Ready, 'stream' | 'token' | 'next_seq'>,
    lastWindow: number | null,
  ): void {
    const { id, token, agenda } = stream;
    const text = JSON.stringify({ ...ready, stream: id, token, next_seq: agenda.nextSeq } satisfies Ready);
    stream.attach(link, text, lastWindow, this.#deps.clock());
  }

  async #compute(stream: Stream): Promise<void> {
    await computeNext(stream, this.#deps);
    if (!stream.hasDue) this.#holders.get(stream)?.onSettled();
  }

  /** A connection has gone; its stream waits for another one, unless nothing has come of it yet. */
  detach(stream: Stream, visitor: Visitor, reason: string | null): void {
    if (this.#holders.get(stream) !== visitor) return;
    const isWorthIt = stream.agenda.nextSeq !== null && this.#deps.streams.policy().resumeMs > 0;
    if (!isWorthIt) return this.conclude(stream, visitor, reason);
    this.#holders.delete(stream);
    stream.detach(this.#deps.clock());
    this.#tell('detached', stream, reason);
  }

  /** It is over. */
  conclude(stream: Stream, visitor: Visitor, reason: string | null): void {
    if (this.#holders.get(stream) === visitor) this.#forget(stream, reason);
  }

  #end(stream: Stream): void {
    this.#holders.delete(stream);
    this.#shelf.remove(stream);
    stream.end(this.#deps.clock());
  }

  #forget(stream: Stream, reason: string | null): void {
    this.#end(stream);
    this.#tell('closed', stream, reason);
  }

  find(id: string): Stream | null {
    return this.#shelf.find(id);
  }

  /** Once a second; public for tests, whose clock is their own. */
  sweep(now: number): void {
    this.#load.sweep(now);
    for (const visitor of this.#visitors) visitor.sweep(now);
    for (const stream of this.#shelf.values()) this.#look(stream, now);
  }

  #look(stream: Stream, now: number): void {
    const policy = this.#deps.streams.policy();
    const { idleTimeoutMs, resumeMs } = policy;
    stream.sweep(now, maxAgeOf(stream.settings, policy));
    const { detachedAt, stuckSince, lastFrameAt } = stream;
    if (detachedAt !== null) {
      if (now - detachedAt >= resumeMs) this.#forget(stream, `its client did not come back within ${resumeMs} ms`);
    } else if (stuckSince !== null && now - stuckSince >= STUCK_TIMEOUT_MS) this.#holders.get(stream)?.onStuck();
    else if (now - lastFrameAt >= idleTimeoutMs) this.#holders.get(stream)?.onIdle();
  }

  #tell(what: StreamChange['what'], { id, settings, peer, requestId }: Stream, reason: string | null): void {
    this.#deps.streams.changed({ what, stream: id, name: settings.name, peer, requestId, reason });
  }

  list(): readonly StreamReport[] {
    return this.#shelf.list(this.#deps.clock());
  }

  totals(): StreamTotals {
    return this.#shelf.totals(this.#room.refused);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const stream of this.#shelf.values()) this.#end(stream);
  }
}
