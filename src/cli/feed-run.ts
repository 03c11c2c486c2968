import { messageOf, SidecarError } from '../core/errors.ts';
import type { Ended, Ready, StreamEvent } from '../core/stream-events.ts';
import type { FeedDeps } from './feed.ts';
import { Bell } from './feed-bell.ts';
import { SampleBuffer } from './feed-buffer.ts';
import { toHello } from './feed-hello.ts';
import type { FeedOptions } from './feed-options.ts';
import { Outage } from './feed-outage.ts';
import { createOutput, type FeedOutput } from './feed-output.ts';
import { pump } from './feed-pump.ts';
import type { StreamReach } from './feed-reach.ts';
import type { Recording } from './feed-recording.ts';
import { FeedReport } from './feed-report.ts';
import { SavedResults } from './feed-save.ts';
import { FeedStream } from './feed-stream.ts';
import type { Io } from './io.ts';

export interface RunDeps extends Omit<FeedDeps, 'reach' | 'stdin' | 'onInterrupt'> {
  readonly io: Io;
  readonly options: FeedOptions;
  readonly source: Recording;
  readonly reach: StreamReach;
  /** Aborted when no more shall be read. */
  readonly reading: AbortController;
}

/** After ^C: so long for what is under way, so that all is over within 2 s. */
const FAREWELL_MS = 1750;
/** What is sent again after a reconnect, and what a sensor gives while nobody answers. */
const KEPT_SECONDS = 60;
const LEAST_KEPT = 20_000;
/** A frame carries a tenth of a second of what comes in real time. */
const FRAMES_PER_SECOND = 10;
const LARGE_FRAME = 256;

/** One recording on its way to the daemon, and the results on theirs to the reader. */
export class FeedRun {
  readonly #deps: RunDeps;
  readonly #bell = new Bell();
  readonly #everything = new AbortController();
  readonly #report: FeedReport;
  readonly #output: FeedOutput;
  readonly #saved: SavedResults | null;
  readonly #buffer: SampleBuffer;
  readonly #stream: FeedStream;
  readonly #outage = new Outage();
  #hopMs = 250;
  #isPipeClosed = false;
  #isReady = false;
  /** What ends it that happened while something was heard. */
  #fault: unknown = null;

  constructor(deps: RunDeps) {
    const { io, options, source } = deps;
    this.#deps = deps;
    const output = this.#createOutput();
    this.#output = output;
    this.#saved = options.save === null ? null : new SavedResults(options.save);
    this.#report = new FeedReport({
      ...io,
      err: (line) => {
        if (io.isTerminal) output.pause();
        io.err(line);
      },
    });
    this.#buffer = new SampleBuffer(Math.max(LEAST_KEPT, Math.ceil(source.rateHz * KEPT_SECONDS)));
    this.#stream = new FeedStream({
      ...deps,
      // what comes now comes only once
      patience: source.isFile ? deps.patience : { ...deps.patience, tries: Number.POSITIVE_INFINITY },
      hello: toHello(source, options),
      buffer: this.#buffer,
      bell: this.#bell,
      isPaced: !source.isLive,
      isBlocked: () => deps.stdout.writableNeedDrain,
      signal: this.#everything.signal,
      listener: {
        onReady: (ready) => this.#onReady(ready),
        onEvent: (event) => this.#onEvent(event),
        onTrouble: (sentence) => this.#onTrouble(sentence),
      },
    });
  }

  /** No more is read; what was sent is still answered, for a short time. */
  stop(): void {
    this.#deps.source.close();
    setTimeout(() => this.abort(), FAREWELL_MS).unref();
  }

  /** At once. */
  abort(): void {
    this.#everything.abort();
    this.#deps.reading.abort();
    this.#deps.source.close();
    this.#bell.ring();
  }

  /** Throws what ended it, after what there is was printed. */
  async toEnd(): Promise<void> {
    const { source, stdout, now } = this.#deps;
    stdout.on('drain', () => this.#bell.ring());
    stdout.on('error', (error) => this.#onPipeError(error));
    const startAt = now();
    let ended: Ended | null = null;
    this.#report.understood(source);
    try {
      if (await this.#stream.open()) {
        const outcome = await Promise.allSettled([this.#send(), this.#pump()]);
        if (outcome[0].status === 'fulfilled') ended = outcome[0].value;
        for (const { status, reason } of outcome as PromiseRejectedResult[]) if (status === 'rejected') throw reason;
      }
      if (this.#fault !== null) throw this.#fault;
      if (ended !== null && this.#report.refusal !== null) throw refused(this.#deps.source.name, this.#report.refusal);
    } finally {
      source.close();
      this.#stream.close();
      if (!this.#isPipeClosed && this.#isReady) this.#finish((now() - startAt) / 1000, ended);
    }
  }

  /** When the stream is over, nothing more needs to be read. */
  async #send(): Promise<Ended | null> {
    const { source, reading } = this.#deps;
    try {
      return await this.#stream.run();
    } finally {
      reading.abort();
      source.close();
      this.#bell.ring();
    }
  }

  async #pump(): Promise<void> {
    const { source, options, now, reading } = this.#deps;
    const speed = options.speed ?? Number.POSITIVE_INFINITY;
    const isAtOnce = speed === Number.POSITIVE_INFINITY && source.isFile;
    const batch = isAtOnce ? LARGE_FRAME : Math.max(1, Math.floor(source.rateHz / FRAMES_PER_SECOND));
    try {
      await pump(source, { buffer: this.#buffer, bell: this.#bell, speed, batch, now, signal: reading.signal });
    } finally {
      this.#stream.end();
    }
  }

  #createOutput(): FeedOutput {
    const { options, stdout, io } = this.#deps;
    const write = (text: string) => {
      if (!this.#isPipeClosed) stdout.write(text);
    };
    return createOutput(options.output ?? 'results', write, io.colour.red('') !== '');
  }

  #onTrouble(sentence: string): void {
    this.#outage.begin(this.#buffer.lost);
    this.#report.trouble(sentence, this.#deps.now());
  }

  #onReady(ready: Ready): void {
    this.#report.lost(this.#outage.end(this.#buffer.lost));
    this.#hopMs = (ready.window.hop * 1000) / ready.window.rate_hz;
    if (this.#isReady) this.#report.resumed(ready);
    else this.#save((saved) => saved.open());
    this.#isReady = true;
    this.#report.ready(ready);
  }

  #onEvent(event: StreamEvent): void {
    this.#report.event(event);
    if (event.type === 'result') {
      this.#save((saved) => saved.add(event));
      this.#output.add(event, this.#hopMs);
    }
    if (this.#buffer.lost > this.#outage.lost)
      this.#report.warnOnce('samples came faster than they could be sent: the oldest were thrown away, which is a gap');
  }

  /** Who hears must not throw: what goes wrong ends it. */
  #save(act: (saved: SavedResults) => void): void {
    try {
      if (this.#saved !== null) act(this.#saved);
    } catch (thrown) {
      this.#fault = thrown;
      this.abort();
    }
  }

  /** A reader that has had enough (| head) is no error; a full disk is. */
  #onPipeError(error: NodeJS.ErrnoException | undefined): void {
    if (error?.code !== 'EPIPE') this.#fault ??= unwritable(error);
    this.#isPipeClosed = true;
    this.abort();
  }

  #finish(seconds: number, ended: Ended | null): void {
    this.#save((saved) => saved.end());
    this.#output.end();
    const { source } = this.#deps;
    const { sent, lost, unsent } = this.#buffer;
    const thrownAway = lost - this.#outage.lost - this.#outage.end(lost);
    const lostInOutages = this.#outage.lost;
    const notSent = source.isLive ? unsent : 0;
    this.#report.summary(source, { sent, notSent, thrownAway, lostInOutages }, seconds, ended);
  }
}

function refused(name: string, why: string): SidecarError {
  return new SidecarError('INVALID_INPUT', `${name}: there is no result: ${why}.`);
}

function unwritable(cause: unknown): SidecarError {
  const sentence = `feed: standard output cannot be written any further (${messageOf(cause)}). Make room, or write to another place.`;
  return new SidecarError('UNAVAILABLE', sentence, { cause });
}
