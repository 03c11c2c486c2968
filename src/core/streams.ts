import type { SidecarError } from './errors.ts';
import type { InferenceRecord, InputWarning } from './task.ts';

/** What became of a window of a stream, which came in no request of its own. */
export interface StreamedWindow {
  /** null when it has no answer; then `error` says why. */
  readonly inference: InferenceRecord | null;
  readonly error: SidecarError | null;
  /** From when its last sample had come to its end. */
  readonly durationMs: number;
  readonly warnings: readonly InputWarning[];
}

/** Something that happened to a stream, for the log. */
export interface StreamChange {
  readonly what: 'opened' | 'resumed' | 'detached' | 'closed' | 'refused';
  /** null: it was refused before it was one. */
  readonly stream: string | null;
  readonly name: string;
  readonly peer: string;
  readonly requestId: string;
  /** Why, in a sentence; null where nothing is wrong. */
  readonly reason: string | null;
}

export interface StreamPolicy {
  /** Streams at a time, those included whose connection broke. 0: none. */
  readonly most: number;
  /** A window that waits longer is dropped. */
  readonly maxAgeMs: number;
  readonly idleTimeoutMs: number;
  /** How long a stream outlives its connection. */
  readonly resumeMs: number;
  /** Share of what the model gets through that all streams together may declare. */
  readonly maxLoad: number;
}

/** What the streams of a task need of the daemon. */
export interface StreamDeps {
  policy(): StreamPolicy;
  /** What computes now. */
  backend(): { readonly kind: string; readonly degraded: string | null };
  /** The daemon's URL. */
  origin(): string;
  readonly hasDocs: boolean;
  windowEnded(window: StreamedWindow): void;
  changed(change: StreamChange): void;
  /** A fault of ours ended a connection. */
  failed(error: SidecarError, requestId: string): void;
}

/** One stream, as an administrator sees it. Milliseconds. */
export interface StreamReport {
  readonly stream: string;
  readonly name: string;
  readonly peer: string;
  readonly connected: boolean;
  readonly age_ms: number;
  /** Since its last samples. */
  readonly idle_ms: number;
  readonly rate_hz: number;
  /** By the timestamps; null: not known. */
  readonly measured_rate_hz: number | null;
  readonly hop: number;
  readonly samples: number;
  readonly results: number;
  readonly dropped: number;
  readonly gaps: number;
  readonly resumed: number;
  readonly watchers: number;
  /** Windows that wait. */
  readonly waiting: number;
  readonly motif: string | null;
}

/** Since the daemon started. */
export interface StreamTotals {
  readonly opened: number;
  readonly resumed: number;
  /** By error code. */
  readonly refused: Readonly<Record<string, number>>;
  readonly samples: number;
  readonly gaps: number;
  /** Windows without a result, or whose result nobody read. */
  readonly dropped: number;
  readonly connected: number;
  readonly detached: number;
  readonly watchers: number;
  /** Windows per second that were declared. */
  readonly declared: number;
}

/** All streams of a task. */
export interface Streams {
  list(): readonly StreamReport[];
  totals(): StreamTotals;
  /** Nothing of it runs any more; connections are the server's to close. */
  close(): void;
}
