import type { GapEvent, Ready } from '../../../core/stream-events.ts';
import { StreamTimeline } from './stream-timeline.ts';
import type { DueWindow } from './window-cutter.ts';

export type { DueWindow } from './window-cutter.ts';

export interface TimelineSettings {
  /** Declared by the client; resampling goes by it, the timestamps only tell when. */
  readonly rateHz: number;
  readonly modelRateHz: number;
  readonly channels: number;
  /** Of a window. */
  readonly rows: number;
  /** Rows from one window's start to the next; may exceed `rows`. */
  readonly hop: number;
  /** For how many rows a due window stays readable. */
  readonly spareRows: number;
  readonly gaps: Ready['gaps'];
}

/** Called from within `push` and `flush`. */
export interface TimelineListener {
  onWindow(window: DueWindow): void;
  onGap(gap: Omit<GapEvent, 'type'>): void;
  onNotice(code: 'duplicate' | 'late' | 'rate', count: number, message: string): void;
}

export interface Timeline {
  /**
   * Whole samples in the model's units and order, row after row, all finite. `seq` is that of the first and goes on beyond
   * 2^32; `tMs` is when it was taken, null: unknown. The memory is the caller's again on return.
   */
  push(seq: number, tMs: number | null, samples: Float32Array): void;
  /** No more samples come: what waits for missing ones goes on without them. */
  flush(): void;
  /** Copies a due window; false: it was overwritten meanwhile. */
  read(window: DueWindow, into: Float32Array): boolean;
  /** The first sample still needed; null: none has come. */
  readonly nextSeq: number | null;
  /** By the timestamps, once they are many enough to tell. */
  readonly measuredRateHz: number | null;
  /** Of what it keeps, roughly. */
  readonly bytes: number;
}

/** The time of one stream, from frames as they arrive to windows that are due. Knows no clock but the client's. */
export function createTimeline(settings: TimelineSettings, listener: TimelineListener): Timeline {
  return new StreamTimeline(settings, listener);
}
