import { compare, measure, printRows } from './cells.ts';
import { atLeast, type Bench, type Goal } from './part.ts';
import { inferRequests } from './requests.ts';
import { startDaemon, startScript } from './targets.ts';

const CONNECTIONS = [8, 100];
const OURS = 'this daemon';
const THEIRS = ['Fastify', 'node:http'];
const WHAT = ['compact sample', 'binary'];

/** The same work, with a trivial function, on what else one might build it with. */
export async function measureFrameworks(bench: Bench): Promise<readonly Goal[]> {
  const targets = [
    await startDaemon(OURS, bench.directory, 'backend: {kind: stub}\n', 0),
    await startScript('Fastify', 'frameworks/fastify.ts', 0),
    await startScript('node:http', 'frameworks/node-http.ts', 0),
  ];
  const requests = inferRequests().filter(({ what }) => WHAT.includes(what));
  const rows = await measure(
    bench,
    targets.map((target) => ({ target, requests })),
    CONNECTIONS,
  );
  printRows('The same work on other servers', rows);
  return THEIRS.flatMap((theirs) =>
    WHAT.flatMap((what) =>
      CONNECTIONS.map((count) => {
        const seen = compare(rows, `${OURS}, ${what}`, `${theirs}, ${what}`, count);
        return atLeast(null, `ours ÷ ${theirs}, ${what}, ${count} connections`, seen);
      }),
    ),
  );
}
