/** How fast windows get through the backend, as the latest ones show it. */
export interface Pace {
  /** Milliseconds that a window takes by itself. */
  readonly serviceMs: number;
  /** Milliseconds of a lane per window: longer where handing over, or a busy machine, takes time as well. */
  readonly intervalMs: number;
  /** A window that took `ownMs` has left; `isQueued`: others wait, so that the next one leaves as soon as it can. */
  left(now: number, ownMs: number, lanes: number, isQueued: boolean): void;
}

/** Weight of the newest measurement in a moving average. Answers come in twos and threes: many make an interval. */
const SMOOTHING = 0.2;
const INTERVAL_SMOOTHING = 0.05;
/** A window that was held up once must not have the next ones refused; one that really takes longer is believed soon. */
const MAX_JUMP = 4;
const FIRST_GUESS_MS = 1;

/** @param firstMs what a window took when nobody else was there */
export function createPace(firstMs = FIRST_GUESS_MS): Pace {
  let serviceMs = firstMs;
  let intervalMs = firstMs;
  let leftAt: number | null = null;
  return {
    get serviceMs() {
      return serviceMs;
    },
    get intervalMs() {
      return Math.max(serviceMs, intervalMs);
    },
    left: (now, ownMs, lanes, isQueued) => {
      serviceMs = average(serviceMs, ownMs, SMOOTHING);
      intervalMs = average(intervalMs, leftAt === null ? ownMs : (now - leftAt) * lanes, INTERVAL_SMOOTHING);
      leftAt = isQueued ? now : null;
    },
  };
}

const average = (before: number, measured: number, weight: number) =>
  before + weight * (Math.min(measured, MAX_JUMP * before) - before);
