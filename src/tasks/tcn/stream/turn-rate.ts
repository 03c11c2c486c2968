import { fieldSquare, LARGEST_FIELD, MAG, SMALLEST_FIELD, standstillMisfit, sumTurns } from '../field-turn.ts';

/**
 * How fast were the samples really taken? Timestamps tell, where there are any; physics tells without: a field that is fixed
 * in the world turns, between two samples, by what the gyroscope says times the time between them. Over the windows in which
 * something turns, the ratio of the turn that is seen to the turn that is claimed is that of the real time to the assumed.
 * A gyroscope in deg/s makes the ratio 1/57, which is no rate; one whose scale is wrong looks like a wrong rate.
 */
export interface TurnRate {
  /** A raw window, m/s², rad/s, µT, none of whose rows was in the one before. */
  add(window: Float32Array): void;
  /** Real time between rows in assumed ones, e.g. 2 where 50 Hz were declared as 100; null: not known. */
  readonly ratio: number | null;
}

/** Rows from one look at the field to the next: a tenth of a second, within which a turn stays small. */
const LAG = 10;
/** Share of the field that its direction must change by, from look to look, for a window to count: the rest is noise and bias. */
const LEAST_TURN = 0.08;
/** So much of what is seen must be explained by what is claimed. */
const LEAST_FIT = 0.7;
const FEWEST_WINDOWS = 5;
/** Weight of what was before: some twenty windows are remembered. */
const MEMORY = 0.95;

export function createTurnRate(): TurnRate {
  const sums = { claimed: 0, agreed: 0 };
  let [seen, claimed, agreed, windows] = [0, 0, 0, 0];
  return {
    add: (window) => {
      const field = fieldSquare(window, MAG, LAG);
      if (!(field > SMALLEST_FIELD ** 2 && field < LARGEST_FIELD ** 2)) return;
      const still = standstillMisfit(window, MAG, LAG);
      if (still < (LEAST_TURN ** 2 * field * window.length) / (9 * LAG)) return;
      sumTurns(window, MAG, LAG, sums);
      seen = seen * MEMORY + still;
      claimed = claimed * MEMORY + sums.claimed;
      agreed = agreed * MEMORY + sums.agreed;
      windows += 1;
    },
    get ratio() {
      if (windows < FEWEST_WINDOWS || agreed <= 0) return null;
      return agreed * agreed < LEAST_FIT * seen * claimed ? null : agreed / claimed;
    },
  };
}
