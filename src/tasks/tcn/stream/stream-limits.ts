import type { Ready } from '../../../core/stream-events.ts';
import { BINARY_HEADER_BYTES } from '../../../core/stream-hello.ts';
import type { StreamPolicy } from '../../../core/streams.ts';
import { VALUE_BYTES } from '../../../core/tensor.ts';
import { RATE_HZ, ROWS } from '../schema.ts';
import type { StreamSettings } from './hello.ts';
import { describeResampling } from './resampling.ts';

/** A message may have this many bytes: in JSON about 500 samples of nine columns, in binary 1820. */
export const MAX_FRAME_BYTES = 64 << 10;
/** Within which a connection must have said hello. */
export const HELLO_TIMEOUT_MS = 10_000;
/** For how long a client may leave unread what waits for it. */
export const STUCK_TIMEOUT_MS = 10_000;
/** Frames in a row that hold something no sensor gives: by then it is no accident. */
export const MOST_REFUSED_FRAMES = 100;
/** Messages of one connection in a tenth of a second; a sensor of 2000 Hz that sends each sample alone sends 200. */
export const MOST_MESSAGES = 2000;
export const MESSAGES_PERIOD_MS = 100;

/** For frames, and for those that are kept back while their timestamp is doubted. */
const SLACK_ROWS = 100;

/**
 * Rows that are kept beyond those of a window. A client that stays as far ahead of the last result must have sent the next
 * window, what the resampler wants to see before and behind it, and a little more: else each waits for the other.
 */
export function spareRowsFor(rateHz: number, hop: number): number {
  const delayMs = describeResampling(rateHz, RATE_HZ)?.delay_ms ?? 0;
  const delayRows = Math.ceil((delayMs * RATE_HZ) / 1000);
  return Math.max(2 * ROWS, ROWS + 2 * delayRows + hop + SLACK_ROWS);
}

/** How far a client may be ahead of the window whose result it has without overwriting the next one. */
export function maxAheadSamples(rateHz: number, hop: number): number {
  return Math.floor((spareRowsFor(rateHz, hop) * rateHz) / RATE_HZ);
}

/** How long a window of a stream may wait. */
export const maxAgeOf = ({ maxAgeMs }: StreamSettings, policy: StreamPolicy): number => maxAgeMs ?? policy.maxAgeMs;

export function toLimits(settings: StreamSettings, policy: StreamPolicy): Ready['limits'] {
  const { rateHz, hop, columns } = settings;
  return {
    max_frame_bytes: MAX_FRAME_BYTES,
    max_frame_samples: Math.floor((MAX_FRAME_BYTES - BINARY_HEADER_BYTES) / (VALUE_BYTES * columns.names.length)),
    max_ahead_samples: maxAheadSamples(rateHz, hop),
    max_age_ms: maxAgeOf(settings, policy),
    idle_timeout_ms: policy.idleTimeoutMs,
    resume_ms: policy.resumeMs,
  };
}
