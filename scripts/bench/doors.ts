import { compare, measure, printRows, type Row, type Subject } from './cells.ts';
import { atLeast, type Bench, type Goal } from './part.ts';
import { BARE, BATCH, type BenchRequest, doorRequests, inferRequests } from './requests.ts';
import { startDaemon, startScript, type Target } from './targets.ts';

const CONNECTIONS = [1, 8, 32, 100];
const TRIVIAL = 'trivial function';

/** Every door, with a trivial function and with the model that ships, beside a server that does nothing. */
export async function measureDoors(bench: Bench): Promise<readonly Goal[]> {
  const bare = { target: await startScript(BARE.what, 'bare-server.ts', 0), requests: [BARE] };
  const stub = await openDoors(await startDaemon(TRIVIAL, bench.directory, 'backend: {kind: stub}\n', 0));
  const rows = await measure(bench, [bare, stub], CONNECTIONS);
  const shipped = await openDoors(await startDaemon('shipped model', bench.directory, 'backend: {kind: cpu}\n', null));
  printRows('Requests', [...rows, ...(await measure(bench, [shipped], CONNECTIONS))]);
  return goalsOf(rows);
}

/** The doors that this version has: one that is not there (404) is left out and told of; another refusal is an error. */
async function openDoors(target: Target): Promise<Subject> {
  const url = `http://127.0.0.1:${target.port}`;
  const { model } = (await (await fetch(`${url}/healthz`)).json()) as { model: string };
  const requests: BenchRequest[] = [];
  for (const request of doorRequests(model)) {
    const { path, headers, body } = request;
    const reply = await fetch(`${url}${path}`, { method: 'POST', headers, body: new Uint8Array(body ?? []) });
    const said = await reply.text();
    if (reply.status === 200) requests.push(request);
    else if (reply.status === 404) console.log(`${target.name}: left out "${request.what}", ${path} is not there.\n`);
    else throw new Error(`POST ${path} (${request.what}) answered ${reply.status}: ${said}`);
  }
  return { target, requests };
}

function goalsOf(rows: readonly Row[]): readonly Goal[] {
  const trivial = (what: string) => `${TRIVIAL}, ${what}`;
  const between = (one: string, other: string) => compare(rows, trivial(one), trivial(other), 8);
  const infer = inferRequests().map(({ what }) => {
    const seen = compare(rows, trivial(what), BARE.what, 8);
    return atLeast(what === 'binary' ? 0.45 : 0.2, `\`/infer\` with a trivial function, ${what} ÷ bare 200`, seen);
  });
  return [
    ...infer,
    atLeast(1.25, `windows/s of batches of ${BATCH} ÷ single, JSON`, between('batch', 'compact sample')),
    atLeast(2, `windows/s of batches of ${BATCH} ÷ single, binary`, between('batch, binary', 'binary')),
    atLeast(0.7, 'OIP binary ÷ `/infer` binary', between('OIP, binary', 'binary')),
  ];
}
