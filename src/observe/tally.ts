/** What of a labelled counter a tally feeds. */
interface Countable<T extends string> {
  inc(labels: Record<T, string>, count: number): void;
}

/** Counts by label values, to be added to a counter only when somebody looks: a scrape is rare, a request is not. */
export interface Tally {
  /** One more of these label values, in the order of the names. */
  add(first: string, second: string, third?: string): void;
  addMany(count: number, first: string, second: string, third?: string): void;
  flush(): void;
}

interface Entry<T extends string> {
  readonly labels: Record<T, string>;
  count: number;
}

/** Label value → the next label's, down to the entry: no key is put together for each request. */
interface Level<T extends string> {
  readonly next: Map<string, Level<T>>;
  entry: Entry<T> | null;
}

export function createTally<T extends string>(counter: Countable<T>, names: readonly T[]): Tally {
  const root: Level<T> = { next: new Map(), entry: null };
  const entries: Entry<T>[] = [];

  function open(level: Level<T>, values: readonly string[]): Entry<T> {
    const labels = Object.fromEntries(names.map((name, i) => [name, values[i]])) as Record<T, string>;
    level.entry = { labels, count: 0 };
    entries.push(level.entry);
    return level.entry;
  }

  function addMany(count: number, first: string, second: string, third?: string): void {
    let level = descend(descend(root, first), second);
    if (third !== undefined) level = descend(level, third);
    const entry = level.entry ?? open(level, third === undefined ? [first, second] : [first, second, third]);
    entry.count += count;
  }

  return {
    add: (first, second, third) => addMany(1, first, second, third),
    addMany,
    flush: () => {
      for (const entry of entries) {
        if (entry.count > 0) counter.inc(entry.labels, entry.count);
        entry.count = 0;
      }
    },
  };
}

function descend<T extends string>(level: Level<T>, value: string): Level<T> {
  const known = level.next.get(value);
  if (known !== undefined) return known;
  const opened: Level<T> = { next: new Map(), entry: null };
  level.next.set(value, opened);
  return opened;
}
