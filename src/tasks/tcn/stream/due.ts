import { SidecarError } from '../../../core/errors.ts';
import type { GapEvent } from '../../../core/stream-events.ts';
import type { DueWindow } from './timeline.ts';

/** What is to be done next, in order: a window to be computed, or something to be said after those before it. */
export type Due =
  | { readonly window: DueWindow; readonly at: number }
  | { readonly window: null; readonly gap: Omit<GapEvent, 'type'> };

/** Rows are kept for so long, and no longer. */
export function overtaken(): SidecarError {
  return new SidecarError(
    'QUEUE_FULL',
    'Samples came faster than their windows could be computed: stay within next_seq + limits.max_ahead_samples.',
  );
}
