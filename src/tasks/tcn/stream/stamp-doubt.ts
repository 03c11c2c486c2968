import type { FramePart } from './sequencer.ts';

/** Samples in order, and how many are missing before them. */
export interface Run {
  readonly frame: FramePart;
  readonly missing: number;
}

export interface DoubtListener {
  /** By how much the frame's time is off the line, where that is a jump; 0: it is not, or there is no time. */
  jumpOf(frame: FramePart): number;
  /** `jumpMs`: of the clock, before this frame. */
  onRun(run: Run, jumpMs: number): void;
}

export interface DoubtSettings {
  readonly rateHz: number;
  readonly channels: number;
}

/**
 * So many samples wait at most. Twice this must be less than what a client may be ahead, or one that waits for results
 * before it sends on would wait for ever.
 */
const MOST_MS = 500;

/**
 * A frame whose time is off the line waits for the next time, which shows what was wrong: after a pause, times stay off; a
 * host that stalled has stamped late, and catches up. A time that proves wrong is taken away.
 */
export class StampDoubt {
  readonly #settings: DoubtSettings;
  readonly #listener: DoubtListener;
  readonly #mostSamples: number;
  #waiting: Run[] = [];
  #samples = 0;
  /** Of the first that waits. */
  #jumpMs = 0;
  #isCatchingUp = false;

  constructor(settings: DoubtSettings, listener: DoubtListener) {
    this.#settings = settings;
    this.#listener = listener;
    this.#mostSamples = (MOST_MS * settings.rateHz) / 1000;
  }

  get bytes(): number {
    return this.#samples * this.#settings.channels * 4;
  }

  push(run: Run): void {
    if (this.#waiting.length > 0) {
      const isJump = this.#judge(run.frame);
      if (isJump === null && this.#hasRoomFor(run)) return this.#keep(run);
      if (isJump === null) this.flush();
      else this.#settle(isJump);
    }
    const jumpMs = this.#listener.jumpOf(run.frame);
    if (jumpMs === 0 || !this.#hasRoomFor(run)) return this.#listener.onRun(run, jumpMs);
    this.#jumpMs = jumpMs;
    this.#keep(run);
  }

  /** No further time comes: the client is believed, unless other times of its own speak against it. */
  flush(): void {
    this.#settle(!this.#isCatchingUp);
  }

  #hasRoomFor({ frame }: Run): boolean {
    return this.#samples + frame.count <= this.#mostSamples;
  }

  #keep({ frame, missing }: Run): void {
    const { channels } = this.#settings;
    const samples = frame.samples.slice(frame.from * channels, (frame.from + frame.count) * channels);
    this.#waiting.push({ frame: { ...frame, samples, from: 0 }, missing });
    this.#samples += frame.count;
  }

  /** Did the clock jump at the first that waits? null: this frame does not tell. */
  #judge(frame: FramePart): boolean | null {
    if (frame.tMs === null) return null;
    const jumpMs = this.#listener.jumpOf(frame);
    if (Math.sign(jumpMs) !== Math.sign(this.#jumpMs)) return false;
    const passedMs = ((frame.stampSeq - this.#waiting[0]!.frame.stampSeq) * 1000) / this.#settings.rateHz;
    if (Math.abs(jumpMs) >= Math.abs(this.#jumpMs) - passedMs / 2) return true;
    this.#isCatchingUp = true;
    return null;
  }

  #settle(isJump: boolean): void {
    const runs = this.#waiting;
    this.#waiting = [];
    this.#samples = 0;
    this.#isCatchingUp = false;
    for (const { frame, missing } of runs) {
      const believed = isJump ? frame : { ...frame, tMs: null };
      this.#listener.onRun({ frame: believed, missing }, this.#listener.jumpOf(believed));
    }
  }
}
