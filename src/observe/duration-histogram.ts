import type { Metric, Registry } from 'prom-client';

export interface HistogramFacts {
  readonly name: string;
  readonly help: string;
  readonly labelName: string;
  /** Upper bounds, rising; +Inf is added. */
  readonly buckets: readonly number[];
  readonly registers: readonly Registry[];
}

export interface DurationHistogram {
  observe(label: string, value: number): void;
}

interface Series {
  /** Per bucket of its own, not cumulative; the last one is +Inf. */
  readonly counts: Float64Array;
  sum: number;
}

/**
 * A histogram with one label that is told of every request: a few additions, where the library's own one sorts labels
 * and makes a key each time. What a scrape gets is put together when one comes.
 */
export function createDurationHistogram(facts: HistogramFacts): DurationHistogram {
  const { name, help, labelName, buckets } = facts;
  const byLabel = new Map<string, Series>();
  const open = (label: string): Series => {
    const series = { counts: new Float64Array(buckets.length + 1), sum: 0 };
    byLabel.set(label, series);
    return series;
  };
  const get = async () => {
    const values = [...byLabel].flatMap(([label, series]) => toValues(name, { [labelName]: label }, buckets, series));
    return { name, help, type: 'histogram', values, aggregator: 'sum' };
  };
  const metric = { name, help, get, reset: () => byLabel.clear() };
  for (const registry of facts.registers) registry.registerMetric(metric as unknown as Metric);
  return {
    observe: (label, value) => {
      const series = byLabel.get(label) ?? open(label);
      let bucket = 0;
      while (bucket < buckets.length && value > buckets[bucket]!) bucket++;
      series.counts[bucket]! += 1;
      series.sum += value;
    },
  };
}

function toValues(name: string, labels: object, buckets: readonly number[], { counts, sum }: Series): object[] {
  let count = 0;
  const bounds = [...buckets.map(String), '+Inf'].map((le, i) => {
    count += counts[i]!;
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count };
  });
  return [
    ...bounds,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
