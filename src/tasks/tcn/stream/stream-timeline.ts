import { toThousandths } from '../../../core/round.ts';
import type { GapEvent } from '../../../core/stream-events.ts';
import { ClockFit, LATEST_MS } from './clock-fit.ts';
import { GapFill } from './gap-fill.ts';
import { RateWatch } from './rate-watch.ts';
import { createResampler, type Resampler } from './resampler.ts';
import { type FramePart, Sequencer } from './sequencer.ts';
import { type Run, StampDoubt } from './stamp-doubt.ts';
import type { Timeline, TimelineListener, TimelineSettings } from './timeline.ts';
import { type DueWindow, WindowCutter } from './window-cutter.ts';

/** Order first, then times that may be wrong, then gaps and the clock, then the rate, then windows. */
export class StreamTimeline implements Timeline {
  readonly #settings: TimelineSettings;
  readonly #listener: TimelineListener;
  readonly #sequencer: Sequencer;
  readonly #clock: ClockFit;
  readonly #rate: RateWatch;
  readonly #doubt: StampDoubt;
  readonly #fill: GapFill | null;
  readonly #resampler: Resampler;
  readonly #cutter: WindowCutter;
  readonly #last: Float32Array;
  #hasSample = false;
  /** From sample numbers to those that the clock and the resampler count: gaps in time, once filled, count too. */
  #shift = 0;
  /** Where the resampler began, as the clock counts. */
  #beginX = 0;
  /** What to add to the number of samples the resampler took, to get the next sample's number. */
  #seqOffset = 0;
  /** While a gap is filled: the sample after it. */
  #afterGap = -1;

  constructor(settings: TimelineSettings, listener: TimelineListener) {
    const { rateHz, modelRateHz, channels, gaps } = settings;
    this.#settings = settings;
    this.#listener = listener;
    this.#sequencer = new Sequencer(
      { rateHz, channels, reorderMs: gaps.reorder_ms },
      {
        onRun: (frame, missing) => this.#doubt.push({ frame, missing }),
        onAnew: (frame, expected) => this.#beginAnew(frame, expected),
        isOfNow: (frame, behind) => this.#isOfNow(frame, behind),
        onNotice: (code, count, message) => listener.onNotice(code, count, message),
      },
    );
    this.#clock = new ClockFit(rateHz);
    this.#rate = new RateWatch(this.#clock, rateHz);
    this.#doubt = new StampDoubt(settings, {
      jumpOf: (frame) => this.#jumpOf(frame),
      onRun: (run, jumpMs) => this.#takeRun(run, jumpMs),
    });
    this.#fill = gaps.policy === 'restart' ? null : new GapFill(channels, gaps.policy);
    this.#resampler = createResampler(rateHz / modelRateHz, channels, this.#takeRow);
    this.#cutter = new WindowCutter(settings);
    this.#last = new Float32Array(channels);
  }

  get nextSeq(): number | null {
    return this.#sequencer.next;
  }

  get measuredRateHz(): number | null {
    return this.#rate.measuredHz;
  }

  get bytes(): number {
    const waiting = this.#sequencer.keptBytes + this.#doubt.bytes;
    return this.#cutter.bytes + this.#resampler.bytes + waiting + this.#last.byteLength;
  }

  push(seq: number, tMs: number | null, samples: Float32Array): void {
    const stamp = tMs !== null && Math.abs(tMs) <= LATEST_MS ? tMs : null;
    const count = Math.floor(samples.length / this.#settings.channels);
    this.#sequencer.push({ seq, count, samples, from: 0, stampSeq: seq, tMs: stamp });
  }

  flush(): void {
    this.#sequencer.flush();
    this.#doubt.flush();
  }

  read(window: DueWindow, into: Float32Array): boolean {
    return this.#cutter.read(window, into);
  }

  #takeRun({ frame, missing }: Run, jumpMs: number): void {
    if (!this.#hasSample) this.#beginAt(frame.seq);
    if (missing > 0 || jumpMs !== 0) this.#takeGap(frame, missing, jumpMs);
    else this.#stamp(frame);
    this.#takeSamples(frame);
  }

  /**
   * The first time of all, after samples without any. Their times were but their numbers, so there is no jump that could be
   * told: the rows that are kept follow, and the times of windows leap once. But no window's time ever falls without a gap.
   */
  #meetClock(x: number, tMs: number): void {
    const ms = tMs - this.#clock.at(x);
    if (ms < 0 && this.#cutter.hasCut) return;
    this.#cutter.moveTime(ms);
    this.#clock.begin(x, tMs);
  }

  #takeSamples(frame: FramePart): void {
    const { channels } = this.#settings;
    this.#seqOffset = frame.seq - this.#resampler.taken;
    this.#resampler.push(frame.samples, frame.from, frame.count, false);
    const last = (frame.from + frame.count - 1) * channels;
    for (let i = 0; i < channels; i++) this.#last[i] = frame.samples[last + i]!;
    this.#hasSample = true;
  }

  #jumpOf({ stampSeq, tMs }: FramePart): number {
    if (tMs === null || !this.#hasSample) return 0;
    if (!this.#clock.hasStamp) this.#meetClock(stampSeq + this.#shift, tMs);
    return this.#clock.jumpOf(stampSeq + this.#shift, tMs);
  }

  #stamp(frame: FramePart): void {
    if (frame.tMs === null) return;
    this.#clock.add(frame.stampSeq + this.#shift, frame.tMs);
    const news = this.#rate.look();
    if (news !== null) this.#listener.onNotice('rate', 1, news);
  }

  #takeGap(frame: FramePart, missing: number, jumpMs: number): void {
    const fromMs = this.#timeOf(frame.seq - missing - 1);
    const lost = missing + Math.max(0, Math.round((jumpMs * this.#settings.rateHz) / 1000));
    const fill = jumpMs >= 0 && this.#isShort(lost) ? this.#fill : null;
    if (fill !== null) this.#shift += lost - missing;
    this.#followJump(frame, jumpMs);
    const reason = missing > 0 ? 'missing' : jumpMs > 0 ? 'time_forward' : 'time_backward';
    this.#tellGap(fromMs, frame.seq, missing > 0 ? missing : lost, fill?.action ?? 'restarted', reason);
    if (fill === null) this.#restartAt(frame.seq);
    else this.#fillWith(fill, lost, frame);
  }

  #isShort(samples: number): boolean {
    const { rateHz, gaps } = this.#settings;
    return samples * 1000 <= gaps.max_ms * rateHz * (1 + 1e-9);
  }

  #followJump(frame: FramePart, jumpMs: number): void {
    if (jumpMs === 0) return this.#stamp(frame);
    if (jumpMs < 0) {
      this.#clock.reset();
      this.#cutter.forgetTime();
    }
    this.#clock.anchor(frame.stampSeq + this.#shift, frame.tMs!);
  }

  #fillWith(fill: GapFill, count: number, frame: FramePart): void {
    this.#afterGap = frame.seq;
    fill.fill(count, this.#last, frame.samples, frame.from, (rows, rowCount) =>
      this.#resampler.push(rows, 0, rowCount, true),
    );
    this.#afterGap = -1;
  }

  #isOfNow(frame: FramePart, behind: number): boolean {
    if (frame.tMs === null || !this.#clock.hasStamp) return false;
    const off = frame.tMs - this.#clock.at(frame.stampSeq + this.#shift);
    return Math.abs(off) >= (behind * this.#clock.periodMs) / 2;
  }

  /** Without a stamp the client's clock is taken to have gone on; where none ever gave any, samples are all the time. */
  #beginAnew(frame: FramePart, expected: number): void {
    this.#doubt.flush();
    const fromMs = this.#timeOf(expected - 1);
    if (this.#clock.hasStamp) this.#shift += expected - frame.seq;
    else this.#cutter.forgetTime();
    this.#followJump(frame, this.#jumpOf(frame));
    this.#tellGap(fromMs, frame.seq, 0, 'restarted', 'seq_backward');
    this.#restartAt(frame.seq);
    this.#takeSamples(frame);
  }

  #beginAt(seq: number): void {
    this.#beginX = seq + this.#shift;
    this.#resampler.restart();
  }

  #restartAt(seq: number): void {
    this.#beginAt(seq);
    this.#cutter.restart();
  }

  /** As the rows have it: not before one that was given. */
  #timeOf(seq: number): number {
    return Math.max(this.#cutter.lastMs, this.#clock.at(seq + this.#shift));
  }

  #tellGap(
    fromMs: number,
    toSeq: number,
    missing: number,
    action: GapEvent['action'],
    reason: GapEvent['reason'],
  ): void {
    const gap = { from_ms: toThousandths(fromMs), to_ms: toThousandths(this.#timeOf(toSeq)), missing, action, reason };
    this.#listener.onGap({ ...gap, next_seq: this.nextSeq });
  }

  readonly #takeRow = (place: number, taken: number, isFilled: boolean, source: Float32Array, offset: number): void => {
    const nextSeq = this.#afterGap >= 0 ? this.#afterGap : this.#seqOffset + taken;
    const window = this.#cutter.add(source, offset, this.#clock.at(this.#beginX + place), isFilled, nextSeq);
    if (window !== null) this.#listener.onWindow(window);
  };
}
