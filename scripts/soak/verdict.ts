import type { Sample } from './samples.ts';
import type { KindCounts } from './tally.ts';

/** What a run left behind. */
export interface Run {
  readonly samples: readonly Sample[];
  /** Samples before that are not judged: caches fill, code is compiled. */
  readonly warmUpS: number;
  /** Open descriptors with all clients gone, before the load and after it. */
  readonly descriptors: readonly [before: number, after: number];
  readonly asked: number;
  readonly answered: number;
  readonly wrong: number;
  readonly unexpected: number;
  /** Lines that the daemon logged as errors. */
  readonly errors: number;
  /** How the daemon ended before it was asked to; null when it did not. */
  readonly death: string | null;
  readonly kinds: readonly KindCounts[];
}

/** What "flat" means: the last quarter against the first, by their medians. */
export const LIMITS = {
  memoryMb: 8,
  memoryShare: 0.05,
  heapMb: 8,
  threads: 0,
  /** Of the questions of steady clients: the rest are refusals by the deadline, which a busy machine makes. */
  answeredShare: 0.95,
} as const;

interface Figure {
  readonly name: string;
  readonly first: number;
  readonly last: number;
  readonly unit: string;
}

/** One sentence for each thing that is not as it should be; none for a good run. */
export function faultsOf(run: Run): string[] {
  const samples = run.samples.filter(({ atS }) => atS >= run.warmUpS);
  const tooFew = `only ${samples.length} samples: the run was too short to judge`;
  return [...lifeFaults(run), ...(samples.length < 8 ? [tooFew] : flatnessFaults(samples)), ...trafficFaults(run)];
}

function lifeFaults({ death, errors, descriptors: [before, after] }: Run): string[] {
  return faults([
    [death !== null, `the daemon ended: ${death}`],
    [errors > 0, `the daemon logged ${errors} errors`],
    [after > before, `${after} descriptors are open with all clients gone, ${before} were before`],
  ]);
}

function flatnessFaults(samples: readonly Sample[]): string[] {
  const grown = (pick: (sample: Sample) => number) =>
    median(lastOf(samples).map(pick)) - median(firstOf(samples).map(pick));
  const rssLimit = Math.max(LIMITS.memoryMb, LIMITS.memoryShare * median(firstOf(samples).map(({ rssMb }) => rssMb)));
  const [rss, heap, threads] = [
    grown(({ rssMb }) => rssMb),
    grown(({ heapMb }) => heapMb),
    grown(({ threads }) => threads),
  ];
  return faults([
    [!(rss <= rssLimit), `memory (RSS) grew by ${rss.toFixed(1)} MB, ${rssLimit.toFixed(1)} MB are tolerated`],
    [!(heap <= LIMITS.heapMb), `the heap grew by ${heap.toFixed(1)} MB, ${LIMITS.heapMb} MB are tolerated`],
    [!(threads <= LIMITS.threads), `${threads} threads were added`],
  ]);
}

function trafficFaults({ wrong, unexpected, asked, answered, kinds }: Run): string[] {
  const idle = kinds.filter(({ counts }) => counts.size === 0).map(({ kind }) => kind);
  return faults([
    [wrong > 0, `${wrong} wrong answers`],
    [unexpected > 0, `${unexpected} replies that no such client should get`],
    [answered < LIMITS.answeredShare * asked, `of ${asked} right questions only ${answered} were answered`],
    [idle.length > 0, `nobody was there of: ${idle.join(', ')}`],
  ]);
}

const faults = (checks: readonly (readonly [isSo: boolean, sentence: string])[]) =>
  checks.flatMap(([isSo, sentence]) => (isSo ? [sentence] : []));

const firstOf = <T>(list: readonly T[]) => list.slice(0, Math.ceil(list.length / 4));
const lastOf = <T>(list: readonly T[]) => list.slice(-Math.ceil(list.length / 4));

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** By least squares, per hour. */
export function slopePerHour(samples: readonly Sample[], pick: (sample: Sample) => number): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [samples.map(({ atS }) => atS / 3600), samples.map(pick)];
  const [meanX, meanY] = [mean(x), mean(y)];
  const covariance = x.reduce((sum, value, i) => sum + (value - meanX) * (y[i]! - meanY), 0);
  return covariance / x.reduce((sum, value) => sum + (value - meanX) ** 2, 0);
}

/** Markdown: the figures of the first quarter and the last, then who met what. */
export function toTables(run: Run): string {
  const samples = run.samples.filter(({ atS }) => atS >= run.warmUpS);
  const figure = (name: string, unit: string, pick: (sample: Sample) => number): Figure => ({
    name,
    unit,
    first: median(firstOf(samples).map(pick)),
    last: median(lastOf(samples).map(pick)),
  });
  const figures = [
    figure('memory (RSS)', 'MB', ({ rssMb }) => rssMb),
    figure('of it anonymous', 'MB', ({ anonMb }) => anonMb),
    figure('heap in use', 'MB', ({ heapMb }) => heapMb),
    figure('outside of the heap', 'MB', ({ externalMb }) => externalMb),
    figure('open descriptors, clients there', '', ({ descriptors }) => descriptors),
    figure('threads', '', ({ threads }) => threads),
    figure('event loop lag', 'ms', ({ loopLagMs }) => loopLagMs),
    figure('windows queued', '', ({ queued }) => queued),
    figure('right answers per second', '', ({ goodPerS }) => goodPerS),
  ];
  const [before, after] = run.descriptors;
  return [
    row(['figure (median)', 'first quarter', 'last quarter']),
    row(['---', '--:', '--:']),
    ...figures.map(({ name, first, last, unit }) => row([name, show(first, unit), show(last, unit)])),
    row(['open descriptors, all clients gone', `${before} before`, `${after} after`]),
    row(['slope of RSS, of the heap, per hour', ...slopes(samples)]),
    row(['right answers, wrong answers', `${run.answered} of ${run.asked}`, String(run.wrong)]),
    '',
    row(['client', 'what it met']),
    row(['---', '---']),
    ...run.kinds.map(({ kind, counts }) => row([kind, [...counts].map((entry) => entry.join(': ')).join(', ')])),
  ].join('\n');
}

function slopes(samples: readonly Sample[]): string[] {
  return [slopePerHour(samples, ({ rssMb }) => rssMb), slopePerHour(samples, ({ heapMb }) => heapMb)].map(
    (slope) => `${slope >= 0 ? '+' : ''}${slope.toFixed(1)} MB`,
  );
}

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const show = (value: number, unit: string) => `${value.toFixed(unit === '' ? 0 : 1)}${unit && ` ${unit}`}`;
