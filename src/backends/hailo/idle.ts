import { MAX_TIMER_MS } from '../../core/timer.ts';

/** A burst is over when nothing came for so long: opening the device costs more than keeping it that long. */
const MIN_AWAKE_MS = 1000;

/** Calls `onIdle` when nobody has called touch() for so long; never when `keepAliveMs` is null. */
export function createIdleTimer(keepAliveMs: number | null, onIdle: () => void): { touch(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    touch: () => {
      if (keepAliveMs === null) return;
      clearTimeout(timer);
      timer = setTimeout(onIdle, Math.min(MAX_TIMER_MS, Math.max(MIN_AWAKE_MS, keepAliveMs)));
      timer.unref();
    },
    stop: () => clearTimeout(timer),
  };
}
