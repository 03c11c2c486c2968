import type { ClockFit } from './clock-fit.ts';

/** What differs by more than this from the declared rate is no drift of a crystal, but another rate. */
const TOLERANCE = 0.02;
const SURE = 0.003;

/** Tells once that the timestamps speak of another rate, and again when they speak of yet another one. */
export class RateWatch {
  readonly #clock: ClockFit;
  readonly #declaredHz: number;
  #toldHz: number;

  constructor(clock: ClockFit, declaredHz: number) {
    this.#clock = clock;
    this.#declaredHz = declaredHz;
    this.#toldHz = declaredHz;
  }

  /** null: not known well. */
  get measuredHz(): number | null {
    return this.#clock.uncertainty < SURE ? 1000 / this.#clock.periodMs : null;
  }

  /** A sentence, where there is something new to say. */
  look(): string | null {
    const measured = this.measuredHz;
    if (measured === null || isNear(measured, this.#toldHz)) return null;
    this.#toldHz = isNear(measured, this.#declaredHz) ? this.#declaredHz : measured;
    if (this.#toldHz === this.#declaredHz) return null;
    return `timestamps look like ${toSensible(measured)} Hz, not the declared ${this.#declaredHz} Hz`;
  }
}

const isNear = (measured: number, wanted: number) => Math.abs(measured / wanted - 1) <= TOLERANCE;

/** A whole number where one is within 1 %, else three digits. */
function toSensible(hz: number): number {
  const whole = Math.round(hz);
  return Math.abs(hz - whole) <= 0.01 * hz ? whole : Number(hz.toPrecision(3));
}
