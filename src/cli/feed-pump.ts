import type { Bell } from './feed-bell.ts';
import type { SampleBuffer } from './feed-buffer.ts';
import type { Recording, Sample } from './feed-recording.ts';

export interface PumpDeps {
  readonly buffer: SampleBuffer;
  readonly bell: Bell;
  /** Times real time; infinite: as fast as there is room. */
  readonly speed: number;
  /** So many samples are handed on at a time. */
  readonly batch: number;
  now(): number;
  readonly signal: AbortSignal;
}

/** As much as waits to be sent. */
const MOST_UNSENT = 4096;

/** Brings the samples of a recording into the buffer, at their speed, to its end or until aborted. Throws what the recording throws, after all before it was handed on. */
export async function pump(recording: Recording, deps: PumpDeps): Promise<void> {
  const { signal, batch } = deps;
  const pace = createPace(deps);
  let waiting: Sample[] = [];
  try {
    for await (const sample of recording.samples()) {
      if (signal.aborted) break;
      waiting.push(sample);
      if (waiting.length < batch) continue;
      await handOn(waiting, recording, deps, pace);
      waiting = [];
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown; // else it is only that its source was closed
  } finally {
    await handOn(waiting, recording, deps, pace);
  }
}

async function handOn(samples: readonly Sample[], { isLive }: Recording, deps: PumpDeps, pace: Pace): Promise<void> {
  const { buffer, bell, signal } = deps;
  const last = samples.at(-1);
  if (last !== undefined) await pace(last.timeMs);
  while (!isLive && buffer.unsent >= MOST_UNSENT && !signal.aborted) await bell.wait();
  for (const sample of samples) buffer.push(sample);
  bell.ring();
}

type Pace = (timeMs: number) => Promise<void>;

/** Waits until the time of a recording has come; a clock that goes back is followed from there on. */
function createPace({ speed, now, bell, signal }: PumpDeps): Pace {
  if (speed === Number.POSITIVE_INFINITY) return async () => {};
  let begin: { timeMs: number; at: number } | null = null;
  let before = Number.NEGATIVE_INFINITY;
  return async (timeMs) => {
    if (begin === null || timeMs < before) begin = { timeMs, at: now() };
    before = timeMs;
    const waitMs = (timeMs - begin.timeMs) / speed - (now() - begin.at);
    if (waitMs > 0) await bell.sleep(waitMs, signal);
  };
}
