/** How long windows took, in milliseconds; over the newest windows only, as many as the ring holds. */
export interface Latency {
  /** That the two figures are of. */
  readonly windows: number;
  readonly median: number;
  /** At least 99 of 100 windows took no longer. */
  readonly p99: number;
}

/** The newest numbers of an endless series; add() neither allocates nor slows down. */
export interface Samples {
  add(ms: number): void;
  /** null before the first number. Sorts a copy: for who looks now and then. */
  latency(): Latency | null;
}

export const RING_SIZE = 1024;

export function createSamples(size = RING_SIZE): Samples {
  const ring = new Float64Array(size);
  let added = 0;
  return {
    add: (ms) => {
      ring[added % size] = ms;
      added += 1;
    },
    latency: () => (added === 0 ? null : toLatency(ring.slice(0, Math.min(added, size)).sort())),
  };
}

function toLatency(sorted: Float64Array): Latency {
  const windows = sorted.length;
  return { windows, median: sorted[windows >> 1]!, p99: sorted[Math.ceil(windows * 0.99) - 1]! };
}
