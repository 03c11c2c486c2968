/** Samples that came together, or what is left of them when what was known is cut off: numbers `seq` to `seq + count`, the first of them in row `from` of `samples`. */
export interface FramePart {
  seq: number;
  count: number;
  samples: Float32Array;
  from: number;
  /** The time and the sample that it belongs to, which may have been cut off. */
  readonly stampSeq: number;
  readonly tMs: number | null;
}

export interface SequencerListener {
  /** In order; `missing` samples before it never came. The frame's memory is the client's again after it. */
  onRun(frame: FramePart, missing: number): void;
  /** The client counts anew, from this frame on; `expected`: what would have been next. */
  onAnew(frame: FramePart, expected: number): void;
  /** Do the times tell that this frame, so many samples old by its number, was not taken back then? */
  isOfNow(frame: FramePart, behind: number): boolean;
  onNotice(code: 'duplicate' | 'late', count: number, message: string): void;
}

export interface SequencerSettings {
  readonly rateHz: number;
  readonly channels: number;
  readonly reorderMs: number;
}

const MOST_FRAMES = 256;
const MOST_BYTES = 128 * 1024;
/** What is further behind than this was not late: who sends it has begun to count anew. */
const ANEW_MS = 10_000;

/** Puts frames in order. What comes early is kept until the samples before it come, or too much is kept. */
export class Sequencer {
  /** The first sample still needed. */
  next: number | null = null;
  readonly #listener: SequencerListener;
  readonly #channels: number;
  readonly #mostKept: number;
  readonly #anewSamples: number;
  /** Disjoint, by seq. */
  readonly #kept: FramePart[] = [];
  #keptSamples = 0;
  /** What was given up last; at first, all before the beginning. */
  #gapFrom = Number.NEGATIVE_INFINITY;
  #gapTo = 0;
  #oldEnd = -1;
  #oldRun = 0;

  constructor(settings: SequencerSettings, listener: SequencerListener) {
    const { rateHz, channels, reorderMs } = settings;
    this.#listener = listener;
    this.#channels = channels;
    this.#mostKept = Math.min(Math.floor((reorderMs * rateHz) / 1000 + 1e-9), Math.floor(MOST_BYTES / 4 / channels));
    this.#anewSamples = (ANEW_MS * rateHz) / 1000;
  }

  get keptBytes(): number {
    return this.#keptSamples * this.#channels * 4;
  }

  push(frame: FramePart): void {
    if (frame.count === 0) return;
    if (this.next === null) this.#beginAt(frame.seq);
    const next = this.next!;
    if (frame.seq + frame.count <= next) return this.#takeOld(frame, next);
    this.#oldRun = 0;
    this.#cutKnown(frame, next);
    if (frame.seq === next) {
      this.#give(frame, 0);
      this.#giveWhatFollows();
    } else this.#keep(frame);
  }

  /** What was waited for does not come any more. */
  flush(): void {
    while (this.#kept.length > 0) this.#giveUp();
  }

  #beginAt(seq: number): void {
    this.next = seq;
    this.#oldRun = 0;
    this.#gapFrom = Number.NEGATIVE_INFINITY;
    this.#gapTo = seq;
  }

  #give(frame: FramePart, missing: number): void {
    this.next = frame.seq + frame.count;
    this.#listener.onRun(frame, missing);
  }

  #giveWhatFollows(): void {
    while (this.#kept[0] !== undefined && this.#kept[0].seq <= this.next!) {
      const frame = this.#shift();
      this.#cutKnown(frame, this.next!);
      if (frame.count > 0) this.#give(frame, 0);
    }
  }

  #giveUp(): void {
    const frame = this.#shift();
    this.#gapFrom = this.next!;
    this.#gapTo = frame.seq;
    this.#give(frame, frame.seq - this.next!);
    this.#giveWhatFollows();
  }

  #shift(): FramePart {
    const frame = this.#kept.shift()!;
    this.#keptSamples -= frame.count;
    return frame;
  }

  #keep(frame: FramePart): void {
    const given = frame.samples;
    this.#insert(frame);
    while (this.#keptSamples > this.#mostKept || this.#kept.length > MOST_FRAMES) this.#giveUp();
    if (!this.#kept.includes(frame) || frame.samples !== given) return;
    const start = frame.from * this.#channels;
    frame.samples = given.slice(start, start + frame.count * this.#channels);
    frame.from = 0;
  }

  /** Only what is new of it, so that what is kept stays disjoint. */
  #insert(frame: FramePart): void {
    let place = this.#kept.findIndex(({ seq }) => seq > frame.seq);
    if (place < 0) place = this.#kept.length;
    const before = this.#kept[place - 1];
    if (before !== undefined) this.#cutKnown(frame, before.seq + before.count);
    if (frame.count === 0) return;
    let after = this.#kept[place];
    for (; after !== undefined && after.seq + after.count <= frame.seq + frame.count; after = this.#kept[place]) {
      this.#kept.splice(place, 1);
      this.#keptSamples -= after.count;
      this.#noteDuplicate(after.count, after.seq);
    }
    this.#cutEnd(frame, after);
    this.#kept.splice(place, 0, frame);
    this.#keptSamples += frame.count;
  }

  #cutEnd(frame: FramePart, after: FramePart | undefined): void {
    const double = after === undefined ? 0 : frame.seq + frame.count - after.seq;
    if (double <= 0) return;
    frame.count -= double;
    this.#noteDuplicate(double, frame.seq + frame.count);
  }

  #cutKnown(frame: FramePart, known: number): void {
    const double = Math.min(known - frame.seq, frame.count);
    if (double <= 0) return;
    this.#noteDuplicate(double, frame.seq);
    frame.seq += double;
    frame.count -= double;
    frame.from += double;
  }

  #takeOld(frame: FramePart, next: number): void {
    const behind = next - frame.seq - frame.count;
    if (behind > this.#anewSamples && this.#isAnew(frame, behind)) return this.#beginAnew(frame);
    const isLate = frame.seq < this.#gapTo && frame.seq + frame.count > this.#gapFrom;
    if (!isLate) return this.#noteDuplicate(frame.count, frame.seq);
    this.#listener.onNotice('late', frame.count, `Samples from ${frame.seq} on came too late; dropped`);
  }

  /**
   * A device that starts again with its clock at 0, or has none, sends what looks like old samples: that it goes on and on
   * tells it from a repeated frame.
   */
  #isAnew(frame: FramePart, behind: number): boolean {
    this.#oldRun = frame.seq === this.#oldEnd ? this.#oldRun + frame.count : frame.count;
    this.#oldEnd = frame.seq + frame.count;
    return this.#oldRun > this.#anewSamples || this.#listener.isOfNow(frame, behind);
  }

  #beginAnew(frame: FramePart): void {
    this.flush();
    const expected = this.next!;
    this.#beginAt(frame.seq);
    this.next = frame.seq + frame.count;
    this.#listener.onAnew(frame, expected);
  }

  #noteDuplicate(count: number, seq: number): void {
    this.#listener.onNotice('duplicate', count, `Samples from ${seq} on came twice; dropped`);
  }
}
