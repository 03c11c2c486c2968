import type { Result } from '../../../core/stream-events.ts';

export type TopMotif = NonNullable<Result['top']>[number];
export type CurrentMotif = NonNullable<Result['motif']>;

export interface MotifRules {
  /** Time constant of the moving average over the scores; 0: none. */
  readonly tauMs: number;
  /** By how much a smoothed score must beat the current motif's. */
  readonly hysteresis: number;
  /** For how long it must. */
  readonly dwellMs: number;
  readonly topK: number;
}

/** What a window's scores say together with those before them. Scores are rounded to float32, as the model's are. */
export interface TrackedMotifs {
  /** Best first; of equal ones the lower index. */
  readonly top: readonly TopMotif[];
  readonly motif: CurrentMotif;
}

/** Label of each score; null where the model has no name for it. */
export type MotifLabels = readonly (string | null)[];

/** The motifs of one stream from window to window. All time is the stream's. */
export class MotifTrack {
  readonly #rules: MotifRules;
  readonly #labels: MotifLabels;
  /** Double: with a long time constant, steps are too small for a float32. */
  readonly #smoothed: Float64Array;
  /** By rank; kept from window to window, because ranks change little and sorting what is sorted is cheap. */
  readonly #order: Uint32Array;
  /** The end of the first window since which a motif has beaten the current one in each; NaN: it does not. */
  readonly #beatingSince: Float64Array;
  /** NaN: no window yet. */
  #endMs = Number.NaN;
  #current = 0;
  #sinceMs = 0;

  /** @param labels as many as there are scores, one at least */
  constructor(rules: MotifRules, labels: MotifLabels) {
    this.#rules = rules;
    this.#labels = labels;
    this.#smoothed = new Float64Array(labels.length);
    this.#beatingSince = new Float64Array(labels.length).fill(Number.NaN);
    this.#order = Uint32Array.from(labels.keys());
  }

  /** Forgets all windows: what comes next does not continue them. */
  reset(): void {
    this.#endMs = Number.NaN;
  }

  /** @param scores finite, one for each label; only read */
  push(scores: Float32Array, endMs: number): TrackedMotifs {
    const isFirst = Number.isNaN(this.#endMs);
    this.#smooth(scores, isFirst ? 1 : this.#weight(endMs - this.#endMs));
    this.#rank();
    this.#endMs = endMs;
    if (isFirst) this.#enthrone(this.#order[0]!);
    else this.#challenge();
    return { top: this.#top(), motif: { ...this.#name(this.#current), since_ms: this.#sinceMs } };
  }

  /** Of the new scores in the average. By time and not by window: then it means the same for every hop. */
  #weight(elapsedMs: number): number {
    const { tauMs } = this.#rules;
    return tauMs === 0 ? 1 : 1 - Math.exp(-Math.max(elapsedMs, 0) / tauMs);
  }

  #smooth(scores: Float32Array, weight: number): void {
    const smoothed = this.#smoothed;
    // at 1 not by the formula: its rounding could make two different scores equal
    for (let i = 0; i < smoothed.length; i++) {
      smoothed[i] = weight === 1 ? scores[i]! : smoothed[i]! + weight * (scores[i]! - smoothed[i]!);
    }
  }

  /** By insertion. */
  #rank(): void {
    const order = this.#order;
    for (let i = 1; i < order.length; i++) {
      const index = order[i]!;
      let place = i;
      for (; place > 0 && this.#isAhead(index, order[place - 1]!); place--) order[place] = order[place - 1]!;
      order[place] = index;
    }
  }

  #isAhead(one: number, other: number): boolean {
    const [a, b] = [this.#smoothed[one]!, this.#smoothed[other]!];
    return a > b || (a === b && one < other);
  }

  /** The best of those who have beaten the current one for long enough takes its place. */
  #challenge(): void {
    this.#noteChallengers();
    for (const index of this.#order) {
      if (this.#endMs - this.#beatingSince[index]! >= this.#rules.dwellMs) return this.#enthrone(index);
    }
  }

  #enthrone(index: number): void {
    this.#current = index;
    this.#sinceMs = this.#endMs;
    this.#beatingSince.fill(Number.NaN); // whoever beat the one before has yet to beat this one
    this.#noteChallengers();
  }

  #noteChallengers(): void {
    const since = this.#beatingSince;
    for (let i = 0; i < since.length; i++) {
      if (!this.#beatsCurrent(i)) since[i] = Number.NaN;
      else if (Number.isNaN(since[i])) since[i] = this.#endMs;
    }
  }

  #beatsCurrent(index: number): boolean {
    const lead = this.#smoothed[index]! - this.#smoothed[this.#current]!;
    return lead > 0 && lead >= this.#rules.hysteresis;
  }

  #top(): TopMotif[] {
    const top: TopMotif[] = [];
    for (let rank = 0; rank < Math.min(this.#rules.topK, this.#order.length); rank++) {
      const index = this.#order[rank]!;
      top.push({ ...this.#name(index), score: Math.fround(this.#smoothed[index]!) });
    }
    return top;
  }

  #name(index: number): { index: number; name: string | null } {
    return { index, name: this.#labels[index] ?? null };
  }
}
