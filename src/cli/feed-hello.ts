import { type Hello, LONGEST_AGE_MS } from '../core/stream-hello.ts';
import { CHANNELS } from './feed-columns.ts';
import type { FeedOptions } from './feed-options.ts';
import type { Recording } from './feed-recording.ts';

/** The hello for this recording. */
export function toHello(
  recording: Pick<Recording, 'rateHz' | 'units' | 'name' | 'isLive'>,
  { wishes, output }: FeedOptions,
): Hello {
  const all = output === 'results' ? {} : { top_k: 64, motif_scores: false };
  return {
    type: 'hello',
    name: recording.name.slice(0, 64),
    rate_hz: recording.rateHz,
    channels: [...CHANNELS],
    units: recording.units,
    // what is not live waits as long as it takes; of what is, the newest is wanted
    ...(!recording.isLive && { max_age_ms: LONGEST_AGE_MS }),
    ...wishes,
    outputs: { ...all, ...wishes.outputs },
  };
}
