/** What of a labelled counter a tally feeds. */
interface Countable<T extends string> {
  inc(labels: Record<T, string>, count: number): void;
}

/** Counts by label values, to be added to a counter only when somebody looks: a scrape is rare, a request is not. */
export interface Tally {
  /** One more of these label values, in the order of the names. */
  add(...values: string[]): void;
  flush(): void;
}

export function createTally<T extends string>(counter: Countable<T>, names: readonly T[]): Tally {
  const counts = new Map<string, { readonly labels: Record<T, string>; count: number }>();
  return {
    add: (...values) => {
      const key = values.join(' ');
      const entry = counts.get(key);
      if (entry !== undefined) entry.count += 1;
      else counts.set(key, { labels: toLabels(names, values), count: 1 });
    },
    flush: () => {
      for (const entry of counts.values()) {
        if (entry.count > 0) counter.inc(entry.labels, entry.count);
        entry.count = 0;
      }
    },
  };
}

function toLabels<T extends string>(names: readonly T[], values: readonly string[]): Record<T, string> {
  return Object.fromEntries(names.map((name, i) => [name, values[i]])) as Record<T, string>;
}
