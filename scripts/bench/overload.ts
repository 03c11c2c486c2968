import { type OpenLoopResult, runOpenLoop, type Spread } from './open-loop.ts';
import { type Bench, type Goal, plain } from './part.ts';
import { type BenchRequest, inferRequests } from './requests.ts';
import { toMarkdown } from './swap-figures.ts';
import { startDaemon, type Target } from './targets.ts';
import { rssMb, runWrk } from './wrk.ts';

const TIMES = 3;
const DEADLINE_MS = 40;
/** As many as keep the model busy without any refusal. */
const CLOSED_CONNECTIONS = 32;
/** A server answers one request at a time on each: enough that none has to wait for a free one. */
const OPEN_CONNECTIONS = 2048;

/** Three times of what the model that ships can answer: as many as it can are, the others are told at once. */
export async function measureOverload(bench: Bench): Promise<readonly Goal[]> {
  const request = inferRequests()[0]!;
  const target = await startDaemon('overload', bench.directory, 'backend: {kind: cpu}\n', null);
  await capacityOf(bench, target, request, 2);
  const before = await capacityOf(bench, target, request, bench.seconds);
  const memory = rssMb(target.pid);
  const seconds = bench.seconds * 3;
  const seen = await runOpenLoop({
    port: target.port,
    perSecond: Math.round(before * TIMES),
    seconds,
    connections: OPEN_CONNECTIONS,
    body: String(request.body),
    directory: bench.directory,
  });
  const grown = rssMb(target.pid);
  const after = await capacityOf(bench, target, request, bench.seconds);
  await target.stop();
  const goodput = seen.ok / seconds;
  print(seen, { before, after, goodput, memory, grown });
  const share = goodput / ((before + after) / 2);
  return [
    plain(`goodput at ${TIMES} × capacity ÷ capacity`, '≥ 0.90', share.toFixed(2)),
    plain('p99 of the accepted meanwhile', `< ${DEADLINE_MS} ms`, `${seen.accepted.p99.toFixed(1)} ms`),
    plain('p99 of the refused meanwhile', `< ${DEADLINE_MS} ms`, `${seen.refused.p99.toFixed(1)} ms`),
    plain('neither answered nor refused with 503 or 429', '0', String(seen.lost)),
    plain('RSS after it ÷ before', '≤ 1.10', (grown / memory).toFixed(2)),
  ];
}

/** Requests per second with an answer, closed-loop. */
async function capacityOf({ directory }: Bench, target: Target, request: BenchRequest, seconds: number) {
  const load = { port: target.port, request, connections: CLOSED_CONNECTIONS, seconds, core: null, directory };
  return (await runWrk({ ...load, serverPid: target.pid })).windowsPerSecond;
}

interface Sums {
  readonly before: number;
  readonly after: number;
  readonly goodput: number;
  readonly memory: number;
  readonly grown: number;
}

function print(seen: OpenLoopResult, { before, after, goodput, memory, grown }: Sums): void {
  const { accepted, refused, late } = seen;
  const spread = ({ p50, p95, p99, max }: Spread) => `${[p50, p95, p99, max].map((ms) => ms.toFixed(1)).join(', ')} ms`;
  const rows = [
    ['capacity, closed-loop, before and after', `${before.toFixed(0)}/s, ${after.toFixed(0)}/s`],
    ['requests, open-loop', `${seen.requests} over ${OPEN_CONNECTIONS} connections`],
    ['answered', `${seen.ok}, ${goodput.toFixed(0)}/s`],
    ['not answered', seen.errors],
    ['latency of the accepted: p50, p95, p99, max', spread(accepted)],
    ['latency of the refused', spread(refused)],
    ['how late they were sent', spread(late)],
    ['CPU of the load generator', `${(seen.cpuShare * 100).toFixed(0)} % of a core`],
    ['RSS before and after', `${memory.toFixed(0)}, ${grown.toFixed(0)} MB`],
  ];
  console.log(`## Overload: ${TIMES} × capacity, model that ships\n\n${toMarkdown(['figure', 'value'], rows)}\n`);
}
