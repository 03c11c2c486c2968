/** A step of the client's clock larger than this is no jitter, once the fit is established. */
export const JUMP_MS = 250;
/** Before that, only this much is surely none: the declared rate may be wrong by a lot. */
const WILD_MS = 60_000;
/** Times beyond it (year 2109, if they count from 1970) have no microseconds left in a double: taken as unknown. */
export const LATEST_MS = 2 ** 42;

const HALF_TIME_MS = 60_000;
const ESTABLISHED_FRAMES = 4;
const ESTABLISHED_MS = 1000;
/** What the first fits expect: jitter of about 10 ms, a declared rate that may be all wrong. */
const EXPECTED_JITTER_MS = 10;
/** After a jump the slope is still known, as a part of itself; more trust would keep a changed rate out for minutes. */
const KEPT_SLOPE = 0.02;
/** The fastest rate is this many times the slowest one: no fit goes further, or back. */
const MOST_TOO_SLOW = 400;

/**
 * t = a + b * x, fitted to the stamps of frames by recursive least squares that forget: the weight of a stamp halves
 * with each minute of samples. In its centred form (weighted means, and sums around them), for sums over x itself lose
 * their digits within a day. x: samples, counted over filled gaps in time.
 */
export class ClockFit {
  /** The fitted time between two samples. */
  periodMs: number;
  hasStamp = false;
  readonly #nominalMs: number;
  readonly #looseness: number;
  #frames = 0;
  #firstMs = 0;
  #lastX = 0;
  #weight = 0;
  /** Residuals y = t - nominal line through the first stamp: small numbers, on which rounding costs little. */
  #originX = 0;
  #originMs = 0;
  #meanX = 0;
  #meanY = 0;
  #sumXX = 0;
  #sumXY = 0;
  #sumYY = 0;

  constructor(rateHz: number) {
    this.#nominalMs = 1000 / rateHz;
    this.periodMs = this.#nominalMs;
    this.#looseness = (EXPECTED_JITTER_MS / this.#nominalMs) ** 2;
  }

  at(x: number): number {
    const fromMean = x - this.#originX - this.#meanX;
    return this.#originMs + this.#meanX * this.#nominalMs + this.#meanY + fromMean * this.periodMs;
  }

  /** By how much this stamp lies off the fit, where that is a jump of the clock; 0: it is not. */
  jumpOf(x: number, tMs: number): number {
    const off = tMs - this.at(x);
    return Math.abs(off) > (this.isEstablished || !this.hasStamp ? JUMP_MS : WILD_MS) ? off : 0;
  }

  get isEstablished(): boolean {
    return this.#frames >= ESTABLISHED_FRAMES && this.#lastSpanMs >= ESTABLISHED_MS;
  }

  get #lastSpanMs(): number {
    return this.at(this.#lastX) - this.#firstMs;
  }

  add(x: number, tMs: number): void {
    if (!this.hasStamp) return this.anchor(x, tMs);
    const kept = 2 ** (-(Math.max(0, x - this.#lastX) * this.#nominalMs) / HALF_TIME_MS);
    const before = this.#weight * kept;
    this.#weight = before + 1;
    const dx = x - this.#originX - this.#meanX;
    const dy = tMs - this.#originMs - (x - this.#originX) * this.#nominalMs - this.#meanY;
    const share = before / this.#weight;
    this.#meanX += dx / this.#weight;
    this.#meanY += dy / this.#weight;
    this.#sumXX = this.#sumXX * kept + share * dx * dx;
    this.#sumXY = this.#sumXY * kept + share * dx * dy;
    this.#sumYY = this.#sumYY * kept + share * dy * dy;
    this.#lastX = Math.max(this.#lastX, x);
    this.#frames++;
    this.#refit();
  }

  /** Where the line lies until there is a stamp. */
  begin(x: number, tMs: number): void {
    this.#originX = x;
    this.#originMs = tMs;
  }

  /** The line goes through this stamp from now on; its slope is kept, less firmly. */
  anchor(x: number, tMs: number): void {
    const slope = this.periodMs - this.#nominalMs;
    const firmest = (EXPECTED_JITTER_MS / (KEPT_SLOPE * this.#nominalMs)) ** 2;
    this.#sumXX = Math.min(this.#sumXX, firmest);
    this.#sumXY = slope * (this.#sumXX + this.#looseness);
    this.#sumYY = slope * this.#sumXY;
    this.#originX = x;
    this.#originMs = tMs;
    this.#meanX = 0;
    this.#meanY = 0;
    this.#weight = 1;
    this.#frames = 1;
    this.#firstMs = tMs;
    this.#lastX = x;
    this.hasStamp = true;
  }

  /** Nothing of what was learned holds. */
  reset(): void {
    this.hasStamp = false;
    this.periodMs = this.#nominalMs;
    this.#sumXX = 0;
    this.#originX = 0;
    this.#originMs = 0;
    this.#meanX = 0;
    this.#meanY = 0;
    this.#frames = 0;
  }

  /** How sure the period is: its standard error as a part of it. */
  get uncertainty(): number {
    const spread = this.#sumXX + this.#looseness;
    if (!this.isEstablished || this.#weight < 3) return Number.POSITIVE_INFINITY;
    const slope = this.#sumXY / spread;
    const variance = Math.max(0, this.#sumYY - slope * this.#sumXY) / (this.#weight - 2);
    return Math.sqrt(variance / spread) / this.periodMs;
  }

  #refit(): void {
    const period = this.#nominalMs + this.#sumXY / (this.#sumXX + this.#looseness);
    this.periodMs = Math.max(this.#nominalMs / MOST_TOO_SLOW, period);
  }
}
