/** What every part of the benchmark is given. */
export interface Bench {
  /** For files; gone at the end. */
  readonly directory: string;
  /** Of one cell of a table. */
  readonly seconds: number;
}

/** Something that was aimed at, and what was seen. */
export interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly seen: string;
  /** The same ratio from the CPU time of the servers, which other work on the machine disturbs less; '' where it is none. */
  readonly byCpu: string;
}

/** Prints its tables as they are done; the goals of all parts make the last table. */
export type Part = (bench: Bench) => Promise<readonly Goal[]>;

/** By the clock, and by CPU time. */
export interface Ratio {
  readonly rate: number;
  readonly cpu: number;
}

/** @param least null: the ratio is shown for what it is */
export function atLeast(least: number | null, what: string, { rate, cpu }: Ratio): Goal {
  return { what, goal: least === null ? '–' : `≥ ${least.toFixed(2)}`, seen: toText(rate), byCpu: toText(cpu) };
}

export function plain(what: string, goal: string, seen: string): Goal {
  return { what, goal, seen, byCpu: '' };
}

const toText = (ratio: number) => (Number.isNaN(ratio) ? 'not measured' : ratio.toFixed(2));
