/** What the load saw: one entry per request, times in milliseconds of the monotonic clock. */
export interface Trace {
  readonly due: number[];
  readonly sent: number[];
  /** null (NaN while it is written) when no reply came. */
  readonly done: (number | null)[];
  /** HTTP status; 0: no reply. */
  readonly status: number[];
  /** The code in a reply that is not 200. */
  readonly error: string[];
}

/** A stretch of a run. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface SpanFigures {
  readonly requests: number;
  /** Not 200, or no reply. */
  readonly failed: number;
  readonly errors: readonly string[];
  /** Failed, or answered later than EdgeInfer waits. */
  readonly missedByEdgeInfer: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Longest time between two replies of status 200. */
  readonly gapMs: number;
}

const EDGE_INFER_MS = 45;

/** The requests that were due in the span; the gap is between the replies that came in it. */
export function figuresOf(trace: Trace, { from, to }: Span): SpanFigures {
  const latencies: number[] = [];
  const replies: number[] = [];
  const errors: string[] = [];
  let [late, requests] = [0, 0];
  for (const [i, dueAt] of trace.due.entries()) {
    const doneAt = trace.done[i] ?? Number.NaN;
    const isOk = trace.status[i] === 200;
    if (isOk && doneAt >= from && doneAt <= to) replies.push(doneAt);
    if (dueAt < from || dueAt >= to) continue;
    requests += 1;
    if (!isOk) errors.push(trace.error[i] ?? '');
    else latencies.push(doneAt - dueAt);
    if (isOk && doneAt - dueAt > EDGE_INFER_MS) late += 1;
  }
  return {
    requests,
    failed: errors.length,
    errors,
    missedByEdgeInfer: errors.length + late,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    gapMs: longestGap(replies),
  };
}

function longestGap(times: number[]): number {
  times.sort((a, b) => a - b);
  return times.slice(1).reduce((longest, at, i) => Math.max(longest, at - times[i]!), 0);
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** "1.2 (0.9–3.4)": the median and the range of the repeats. */
export function range(values: readonly number[], digits = 1): string {
  const known = values.filter((value) => !Number.isNaN(value));
  if (known.length === 0) return '–';
  const [least, most] = [Math.min(...known), Math.max(...known)].map((value) => value.toFixed(digits));
  const median = medianOf(known).toFixed(digits);
  return known.length === 1 ? median : `${median} (${least}–${most})`;
}

/** The mean of the middle two of an even number. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** A Markdown table; all columns but the first are figures. */
export function toMarkdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(header), `|---|${'--:|'.repeat(header.length - 1)}`, ...rows.map(line)].join('\n');
}

/** "3 QUEUE_FULL, 1 no reply" */
export function countOf(errors: readonly string[]): string {
  const kinds = [...new Set(errors)].map((kind) => `${errors.filter((error) => error === kind).length} ${kind}`);
  return kinds.length === 0 ? 'none' : kinds.join(', ');
}
