import type { InputWarning } from '../../../core/task.ts';
import { ROWS } from '../schema.ts';
import { createTurnRate } from './turn-rate.ts';

/** Real time in declared time, beyond which the declared rate is not believed: sensors and their bias make up to 0.7 to 1.1. */
const SHORTEST = 0.65;
const LONGEST = 1.3;
/** Below this it is no rate but a unit: deg/s make 1/57. */
const UNIT = 0.1;

/** What looks wrong with the samples of one stream, beyond what a single window shows. */
export class Suspicions {
  readonly #declaredHz: number;
  readonly #turns = createTurnRate();
  #lookedUntil = 0;
  #toldHz: number | null = null;

  constructor(declaredHz: number) {
    this.#declaredHz = declaredHz;
  }

  /** @param endRow as in DueWindow: windows overlap, and each row is looked at once */
  look(window: Float32Array, endRow: number): void {
    if (endRow - this.#lookedUntil < ROWS) return;
    this.#lookedUntil = endRow;
    this.#turns.add(window);
  }

  /** A gyroscope that explains how the field turns, if the rate is another, has the right unit. */
  believed(warnings: readonly InputWarning[]): readonly InputWarning[] {
    const { ratio } = this.#turns;
    if (warnings.length === 0 || ratio === null || ratio < UNIT) return warnings;
    return warnings.filter(({ code }) => code !== 'gyro_deg_s');
  }

  /**
   * A sentence when the samples seem to have come at another rate; each once.
   * @param measuredHz by the timestamps, which tell it better; null: not known
   */
  rate(measuredHz: number | null): string | null {
    const { ratio } = this.#turns;
    if (ratio === null || ratio < UNIT || (ratio > SHORTEST && ratio < LONGEST)) return null;
    if (measuredHz !== null && isOff(measuredHz / this.#declaredHz)) return null;
    const hz = Number((this.#declaredHz / ratio).toPrecision(1));
    if (hz === this.#toldHz) return null;
    this.#toldHz = hz;
    return `the field turns as if it were about ${hz} Hz, not the declared ${this.#declaredHz} Hz, unless the gyroscope’s scale is wrong`;
  }
}

const isOff = (factor: number) => factor < SHORTEST || factor > LONGEST;
