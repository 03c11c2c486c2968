import type { GapEvent } from '../../../../src/core/stream-events.ts';
import {
  createTimeline,
  type DueWindow,
  type Timeline,
  type TimelineSettings,
} from '../../../../src/tasks/tcn/stream/timeline.ts';

export interface Frame {
  readonly seq: number;
  readonly tMs: number | null;
  readonly samples: Float32Array;
}

export const SETTINGS: TimelineSettings = {
  rateHz: 100,
  modelRateHz: 100,
  channels: 3,
  rows: 20,
  hop: 5,
  spareRows: 40,
  gaps: { policy: 'restart', max_ms: 100, reorder_ms: 100 },
};

export interface Recording {
  readonly timeline: Timeline;
  /** `era` grows with each gap that says that time went back. */
  readonly windows: (DueWindow & { readonly values: Float32Array; readonly era: number })[];
  readonly gaps: Omit<GapEvent, 'type'>[];
  readonly notices: { readonly code: string; readonly count: number; readonly message: string }[];
}

/** A timeline and all that it said; each window is read at once. */
export function record(settings: Partial<TimelineSettings> = {}): Recording {
  const all = { ...SETTINGS, ...settings };
  const windows: Recording['windows'] = [];
  const gaps: Recording['gaps'] = [];
  const notices: Recording['notices'] = [];
  const timeline: Timeline = createTimeline(all, {
    onWindow: (window) => {
      const values = new Float32Array(all.rows * all.channels);
      if (!timeline.read(window, values)) throw new Error(`window ${window.index} cannot be read when it is due`);
      const era = gaps.filter(({ from_ms, to_ms }) => to_ms < from_ms).length;
      windows.push({ ...window, values, era });
    },
    onGap: (gap) => gaps.push(gap),
    onNotice: (code, count, message) => notices.push({ code, count, message }),
  });
  return { timeline, windows, gaps, notices };
}

/** Samples that tell from their values which they are. */
export function samplesOf(from: number, count: number, channels = SETTINGS.channels): Float32Array {
  return Float32Array.from({ length: count * channels }, (_, i) => from * channels + i);
}

/** Movement-like: sums of sines, another one for each channel. */
export function motion(from: number, count: number, rateHz: number, channels = SETTINGS.channels): Float32Array {
  return Float32Array.from({ length: count * channels }, (_, i) => {
    const seconds = (from + Math.floor(i / channels)) / rateHz;
    const channel = i % channels;
    return Math.sin(2 * Math.PI * (1 + channel) * seconds + channel) + 0.3 * Math.cos(2 * Math.PI * 4.7 * seconds);
  });
}

/** Frames of one length, the memory of each overwritten after the push. */
export function play(timeline: Timeline, frames: Iterable<Frame>): void {
  for (const { seq, tMs, samples } of frames) {
    const copy = samples.slice();
    timeline.push(seq, tMs, copy);
    copy.fill(Number.NaN);
  }
}

/** `count` frames of `length` samples from `seq` on; the time of each by `timeOf`. */
export function* framesOf(
  seq: number,
  count: number,
  length: number,
  timeOf: (seq: number) => number | null,
): Generator<Frame> {
  for (let i = 0; i < count; i++) {
    const first = seq + i * length;
    yield { seq: first, tMs: timeOf(first), samples: samplesOf(first, length) };
  }
}
