import type { Ended, ErrorEvent, Ready, StreamEvent } from '../core/stream-events.ts';
import type { Recording } from './feed-recording.ts';
import type { Io } from './io.ts';

/** What a feed did, in figures. */
export interface Figures {
  windows: number;
  /** As the daemon counts them. */
  dropped: number;
  gaps: number;
  refused: number;
  reconnects: number;
}

/** What to say on the command line where a notice is right. */
const REMEDIES: Readonly<Record<string, string>> = {
  gyro_deg_s: 'if it is, say --gyro-unit deg/s',
  acc_g: 'if it is, say --acc-unit g',
  rate: 'if it is, say it with --rate',
};

/** What became of the samples. */
export interface Sent {
  readonly sent: number;
  /** Of a sensor: nobody can read them again. */
  readonly notSent: number;
  /** While there was a connection. */
  readonly thrownAway: number;
  readonly lostInOutages: number;
}

/** An outage that lasts is told again after so long. */
const RARELY_MS = 600_000;

/** A gyroscope beyond its range was most likely read in another unit. */
function remedyFor(message: string): string {
  const isGyro = /gyro.*out of range/i.test(message);
  return isGyro ? `${message.replace(/\.$/, '')}: if it is in degrees, say --gyro-unit deg/s` : message;
}

/** Says on stderr what is noteworthy, each thing once, and counts. */
export class FeedReport {
  readonly figures: Figures = { windows: 0, dropped: 0, gaps: 0, refused: 0, reconnects: 0 };
  readonly #io: Io;
  readonly #said = new Set<string>();
  readonly #backends = new Set<string>();
  #model = '';
  #backend = '';
  #windowMs = 0;
  /** In the streams before this one. */
  #droppedBefore = 0;
  #refusal = '';
  #troubleAt = 0;

  constructor(io: Io) {
    this.#io = io;
  }

  understood(recording: Recording): void {
    const { dim } = this.#io.errColour;
    for (const line of recording.understood) this.#io.err(dim(`${recording.name}: ${line}`));
    for (const line of recording.warnings) this.#warn(`${recording.name}: ${line}`);
  }

  ready({ model, backend, degraded, resampling, rate_hz, window }: Ready): void {
    if (this.#once(`ready ${model} ${backend}`) && resampling !== null) {
      const what = `${rate_hz} Hz is resampled to the model's ${window.rate_hz} Hz (${resampling.method})`;
      this.#io.err(this.#io.errColour.dim(what));
    }
    this.#model = model;
    this.#windowMs = (window.samples * 1000) / window.rate_hz;
    this.#backend = backend;
    if (degraded !== null && this.#once(degraded)) this.#warn(degraded);
  }

  /** Each of them once, and then rarely. */
  trouble(sentence: string, nowMs: number): void {
    const isFirst = this.#once(`trouble ${sentence}`);
    if (!isFirst && nowMs < this.#troubleAt + RARELY_MS) return;
    this.#troubleAt = nowMs;
    this.#warn(`${sentence.replace(/\.$/, '')} …`);
  }

  /** In an outage that is over. */
  lost(samples: number): void {
    if (samples > 0) this.#warn(`${samples} samples lost during the outage: more came than is kept`);
  }

  resumed({ resumed, reason }: Ready): void {
    this.figures.reconnects += 1;
    if (!resumed) this.#droppedBefore = this.figures.dropped;
    for (const key of this.#said) if (key.startsWith('trouble ')) this.#said.delete(key);
    if (resumed) this.#io.err(this.#io.errColour.dim('the stream goes on where it was'));
    else this.#warn(`a new stream, which begins with the samples that were kept${reason ? `: ${reason}` : ''}`);
  }

  event(event: StreamEvent): void {
    if (event.type === 'result') {
      this.figures.windows += 1;
      this.#countDropped(event.dropped);
      this.#model = event.model;
      this.#backends.add(event.backend);
      if (event.degraded !== null && this.#once(event.degraded)) this.#warn(event.degraded);
    } else if (event.type === 'gap') this.#gap(event);
    else if (event.type === 'dropped') {
      this.#countDropped(event.total);
      if (this.#once(`dropped ${event.code}`)) this.#warn(`windows are dropped: ${event.message}`);
    } else if (event.type === 'ended') this.figures.dropped = this.#droppedBefore + event.dropped;
    else if (event.type === 'notice') this.#notice(event);
    else if (event.type === 'error') this.#refused(event.error);
  }

  /** Why there is no result, where it is that nothing was taken; null otherwise. */
  get refusal(): string | null {
    const { windows, refused } = this.figures;
    return windows > 0 || refused === 0 ? null : `the daemon refused ${refused} frames (${this.#refusal})`;
  }

  warnOnce(sentence: string): void {
    if (this.#once(sentence)) this.#warn(sentence);
  }

  summary(
    { name, tally, rateHz }: Recording,
    { sent, notSent, thrownAway, lostInOutages }: Sent,
    seconds: number,
    ended: Ended | null,
  ): void {
    const { windows, dropped, gaps, refused, reconnects } = this.figures;
    const long = `${(sent / rateHz).toFixed(1)} s at ${rateHz} Hz`;
    const parts = [
      `${sent} samples (${long})`,
      `${windows} windows`,
      `${dropped} dropped`,
      `${gaps} gaps`,
      ...(tally.missing > 0 ? [`${tally.missing} samples with a value missing`] : []),
      ...(tally.bad > 0 ? [`${tally.bad} bad lines`] : []),
      ...(notSent > 0 ? [`${notSent} samples not sent`] : []),
      ...(thrownAway > 0 ? [`${thrownAway} samples thrown away`] : []),
      ...(lostInOutages > 0 ? [`${lostInOutages} samples lost during the outage`] : []),
      ...(refused > 0 ? [`${refused} frames refused`] : []),
      ...(reconnects > 0 ? [`${reconnects} times connected again`] : []),
    ];
    const who = `${this.#model} on ${[...this.#backends].join(', ') || this.#backend}`;
    const why = this.refusal ?? `a window takes ${this.#windowMs / 1000} s of samples without a gap`;
    if (windows === 0) this.#warn(`there is no result: ${why}`);
    const end = ended === null ? ', not to the end' : '';
    this.#io.err(`${name}: ${parts.join(', ')}; ${who}; ${seconds.toFixed(1)} s${end}`);
  }

  /** A result that was under way longer may know of fewer. */
  #countDropped(total: number): void {
    this.figures.dropped = Math.max(this.figures.dropped, this.#droppedBefore + total);
  }

  #refused({ code, message }: ErrorEvent['error']): void {
    this.figures.refused += 1;
    this.#refusal = remedyFor(message);
    if (this.#once(`error ${code}`)) this.#warn(`a frame is refused: ${this.#refusal}`);
  }

  #notice({ code, message }: Extract<StreamEvent, { type: 'notice' }>): void {
    const remedy = REMEDIES[code];
    if (this.#once(`notice ${code}`)) this.#warn(remedy === undefined ? message : `${message}: ${remedy}`);
  }

  #gap({ reason, missing, from_ms, to_ms, action }: Extract<StreamEvent, { type: 'gap' }>): void {
    this.figures.gaps += 1;
    if (!this.#once(`gap ${reason}`)) return;
    const what = missing > 0 ? `${missing} samples are missing` : reason.replace('_', ' ');
    this.#warn(
      `a gap at ${Math.round(from_ms)} to ${Math.round(to_ms)} ms: ${what}; ${action}. More of the kind are only counted`,
    );
  }

  #once(key: string): boolean {
    if (this.#said.has(key)) return false;
    this.#said.add(key);
    return true;
  }

  #warn(sentence: string): void {
    this.#io.err(`${this.#io.errColour.yellow('warning:')} ${sentence}`);
  }
}
