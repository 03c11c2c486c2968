import { performance } from 'node:perf_hooks';
import { SidecarError } from '../../../core/errors.ts';
import { toTenths } from '../../../core/round.ts';
import type { TaskDeps } from '../../../core/task.ts';
import type { Turns } from './turns.ts';

/** Whether another stream fits, before those that run suffer from it. */
export interface Load {
  /** Looks at the last second; to be called about once in one. */
  sweep(now: number): void;
  /** Why a stream of so many windows per second does not fit beside those declared; null when it does. */
  refusal(windowsPerSecond: number, declared: number): SidecarError | null;
  /** Why none fits at the moment, whatever it declares. */
  overload(): SidecarError | null;
}

/** Share of a second that the main thread may be at work before it is the one that is full. */
const BUSY_LOOP = 0.95;
const LEAST_LOOK_MS = 500;
/** Share of streams.max_age_ms that a stream may wait for its turn before nobody new is let in. */
const LONG_WAIT = 0.1;
/** For so long after a sign of overload nobody new is let in. */
const REST_MS = 3000;

/**
 * Three signs: what was declared against what the model gets through; streams that wait for their turn; a main thread without
 * a pause.
 */
export function createLoad(deps: TaskDeps, turns: Turns): Load {
  let loop = performance.eventLoopUtilization();
  let overloadedUntil = Number.NEGATIVE_INFINITY;

  function isLoopFull(): boolean {
    const now = performance.eventLoopUtilization();
    const { utilization, active, idle } = performance.eventLoopUtilization(now, loop);
    if (active + idle < LEAST_LOOK_MS) return false; // each moment by itself is all work or all rest
    loop = now;
    return utilization > BUSY_LOOP;
  }

  function isStrained(): boolean {
    return isLoopFull() || turns.waitedMs > deps.streams.policy().maxAgeMs * LONG_WAIT;
  }

  function overload(): SidecarError | null {
    const restMs = overloadedUntil - deps.clock();
    if (restMs <= 0) return null;
    return full('The box is busy with the streams that it has', restMs);
  }

  return {
    sweep: (now) => {
      if (isStrained()) overloadedUntil = now + REST_MS;
    },
    overload,
    refusal: (windowsPerSecond, declared) => {
      const busy = overload();
      if (busy !== null) return busy;
      const most = deps.streams.policy().maxLoad * deps.served().runner.pace().windowsPerSecond;
      if (declared + windowsPerSecond <= most) return null;
      const figures = `${toTenths(declared)} windows/s are declared, ${toTenths(most)} may be (streams.max_load), and this one makes ${toTenths(windowsPerSecond)} more`;
      return full(`The model would not get through another stream: ${figures}`, REST_MS);
    },
  };
}

function full(what: string, retryAfterMs: number): SidecarError {
  return new SidecarError('STREAMS_FULL', `${what}; come again later, or use a longer hop.`, { retryAfterMs });
}
