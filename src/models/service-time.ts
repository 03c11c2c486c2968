/** What a window takes in the backend, as the latest ones show it. */
export interface ServiceTime {
  /** Milliseconds. */
  readonly ms: number;
  learn(measuredMs: number): void;
}

/** Weight of the newest measurement in the moving average. */
const SMOOTHING = 0.2;
/** A window that was held up once must not have the next ones refused; one that really takes longer is believed soon. */
const MAX_JUMP = 4;
const FIRST_GUESS_MS = 1;

export function createServiceTime(): ServiceTime {
  let ms = FIRST_GUESS_MS;
  return {
    get ms() {
      return ms;
    },
    learn: (measuredMs) => {
      ms += SMOOTHING * (Math.min(measuredMs, MAX_JUMP * ms) - ms);
    },
  };
}
