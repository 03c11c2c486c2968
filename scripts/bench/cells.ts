import type { Bench, Ratio } from './part.ts';
import type { BenchRequest } from './requests.ts';
import { toMarkdown } from './swap-figures.ts';
import type { Target } from './targets.ts';
import { type LoadResult, runWrk } from './wrk.ts';

/** Requests to one server. */
export interface Subject {
  readonly target: Target;
  readonly requests: readonly BenchRequest[];
}

export interface Row {
  readonly what: string;
  readonly result: LoadResult;
}

const WARM_SECONDS = 1;

/**
 * A row for each request at each number of connections, after a run of each request that is thrown away; stops the servers.
 * All requests are measured at one number of connections before the next, so that those that are compared are neighbours
 * in time: the machine is shared.
 */
export async function measure(
  bench: Bench,
  subjects: readonly Subject[],
  connections: readonly number[],
): Promise<readonly Row[]> {
  const pairs = subjects.flatMap(({ target, requests }) => requests.map((request) => ({ target, request })));
  for (const pair of pairs) await load(bench, pair, 8, WARM_SECONDS);
  const results = new Map<string, Row[]>(pairs.map((pair) => [nameOf(pair), []]));
  for (const count of connections) {
    for (const pair of pairs) {
      const what = nameOf(pair);
      results.get(what)?.push({ what, result: await load(bench, pair, count, bench.seconds) });
    }
  }
  for (const { target } of subjects) await target.stop();
  return [...results.values()].flat();
}

interface Pair {
  readonly target: Target;
  readonly request: BenchRequest;
}

/** A server that does one thing is called like that. */
const nameOf = ({ target, request }: Pair) =>
  target.name === request.what ? request.what : `${target.name}, ${request.what}`;

function load({ directory }: Bench, { target, request }: Pair, connections: number, seconds: number) {
  const core = target.core === null ? null : 1;
  return runWrk({ port: target.port, request, connections, seconds, serverPid: target.pid, core, directory });
}

/** How much faster one row was than another, in windows with an answer; NaN where one of them was not measured. */
export function compare(rows: readonly Row[], one: string, other: string, connections: number): Ratio {
  const of = (what: string) => rows.find((row) => row.what === what && row.result.connections === connections)?.result;
  const [a, b] = [of(one), of(other)];
  if (a === undefined || b === undefined) return { rate: Number.NaN, cpu: Number.NaN };
  return { rate: a.windowsPerSecond / b.windowsPerSecond, cpu: b.cpuUsPerWindow / a.cpuUsPerWindow };
}

const HEADER = [
  ...['request', 'connections', 'windows/s', 'requests/s', 'p50 ms', 'p95 ms', 'p99 ms'],
  ...['not 200', 'windows failed in a 200', 'server CPU µs per window', 'RSS MB'],
];

export function printRows(title: string, rows: readonly Row[]): void {
  console.log(`## ${title}\n\n${toMarkdown(HEADER, rows.map(toCells))}\n`);
}

function toCells({ what, result: r }: Row): string[] {
  return [
    what,
    ...[r.connections, r.windowsPerSecond, r.requestsPerSecond].map((value) => value.toFixed(0)),
    ...[r.p50Ms, r.p95Ms, r.p99Ms].map((value) => value.toFixed(2)),
    ...[r.notOk, r.failedWindows, r.cpuUsPerWindow, r.rssMb].map((value) => value.toFixed(0)),
  ];
}
