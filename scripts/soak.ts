import { setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { cpuMicroseconds } from './bench/wrk.ts';
import { crashingClient } from './soak/crashing.ts';
import { type Daemon, startDaemon } from './soak/daemon.ts';
import { greedyClient, lyingClient } from './soak/lying.ts';
import { churningClient, crowd } from './soak/passing.ts';
import { type Door, learnAnswers } from './soak/questions.ts';
import { countDescriptors, type Sample } from './soak/samples.ts';
import type { Client } from './soak/scene.ts';
import { stallingClients } from './soak/stalling.ts';
import { steadyClients } from './soak/steady.ts';
import { Tally } from './soak/tally.ts';
import { faultsOf, type Run, toTables } from './soak/verdict.ts';
import { healthChecker, reloader, sampler } from './soak/watching.ts';

/**
 * `npm run soak -- [--minutes 30 | --hours 24] [--backend stub] [--sources] [--import FILE]`: the daemon among clients that
 * ask rightly and check every answer, and others that crash, stall, lie, come and go. Ends with 1 when memory, descriptors
 * or threads are not flat (soak/verdict.ts has the limits), or anything was answered that should not have been.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    hours: { type: 'string' },
    backend: { type: 'string', default: 'cpu' },
    sources: { type: 'boolean', default: false },
    import: { type: 'string' },
  },
});
const seconds = values.hours === undefined ? Number(values.minutes ?? 30) * 60 : Number(values.hours) * 3600;
if (!(seconds >= 60) || !['cpu', 'stub'].includes(values.backend)) {
  console.error(
    'Usage: npm run soak -- [--minutes N (1 or more) | --hours N] [--backend cpu|stub] [--sources] [--import FILE]',
  );
  process.exit(64);
}
const WARM_UP_S = Math.min(300, seconds / 4);
const SAMPLES_PER_S = seconds > 7200 ? 1 / 15 : 1 / 3;
/** The library closes a silent connection after ten seconds, and looks every four. */
const SETTLE_MS = 20_000;

const directory = mkdtempSync(join(tmpdir(), 'sidecar-soak-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const daemon = await startDaemon(directory, {
  backend: values.backend as 'cpu' | 'stub',
  fromSources: values.sources,
  preload: values.import ?? null,
});
const doors = await learnAnswers({ port: daemon.port });
const before = await settledDescriptors(daemon);
say(`Soaking ${daemon.what} for ${seconds / 60} minutes${daemon.unixSocket ? ', its Unix socket as well' : ''}.`);
const { samples, tally, share } = await soak(daemon, doors);
const after = await settledDescriptors(daemon, before);
await daemon.stop();
const run: Run = {
  samples,
  warmUpS: WARM_UP_S,
  descriptors: [before, after],
  asked: tally.asked,
  answered: tally.answered,
  wrong: tally.wrong,
  unexpected: tally.unexpected,
  errors: daemon.errors.length,
  death: daemon.death(),
  kinds: tally.kinds,
};
console.log(toTables(run));
say(`CPU: the daemon ${share.daemon} % of a core, the clients ${share.clients} %.`);
const faults = faultsOf(run);
for (const line of [...tally.complaints, ...daemon.errors.filter((line) => line !== '')]) console.error(line);
for (const fault of faults) console.error(`NOT FLAT: ${fault}`);
say(faults.length === 0 ? 'Flat.' : `${faults.length} faults.`);
process.exitCode = faults.length === 0 ? 0 : 1;

async function soak(daemon: Daemon, doors: readonly Door[]) {
  const tally = new Tally();
  const samples: Sample[] = [];
  const ending = new AbortController();
  setMaxListeners(0, ending.signal);
  const scene = { port: daemon.port, unixSocket: daemon.unixSocket, tally, crowd: { until: 0 }, over: ending.signal };
  const clients: Client[] = [
    ...steadyClients(doors, daemon.unixSocket),
    crashingClient,
    ...stallingClients,
    lyingClient,
    greedyClient,
    churningClient,
    crowd,
    healthChecker,
    reloader(daemon),
    sampler(daemon, samples, SAMPLES_PER_S),
  ];
  const spent = cpuSpent(daemon);
  const running = Promise.all(clients.map((client) => client(scene)));
  await Promise.race([untilOver(daemon, samples, tally), running.catch(() => {})]);
  const share = spent();
  ending.abort();
  await running.catch(async (thrown) => {
    await sleep(1000); // clients hear of a death before its parent does
    if (daemon.death() === null) throw thrown;
  });
  return { samples, tally, share };
}

/** Tells how it goes, now and then. */
async function untilOver(daemon: Daemon, samples: readonly Sample[], tally: Tally): Promise<void> {
  const from = performance.now();
  for (let told = 1; performance.now() - from < seconds * 1000 && daemon.death() === null; ) {
    await sleep(500);
    if (performance.now() - from < told * Math.max(30_000, seconds * 20)) continue;
    told += 1;
    const { rssMb = 0, heapMb = 0, descriptors = 0, goodPerS = 0 } = samples.at(-1) ?? {};
    const figures = `RSS ${rssMb.toFixed(1)} MB, heap ${heapMb.toFixed(1)} MB, ${descriptors} descriptors`;
    const minutes = ((performance.now() - from) / 60_000).toFixed(1);
    say(
      `${minutes} min: ${figures}, ${goodPerS.toFixed(0)} right/s, ${tally.wrong} wrong, ${tally.unexpected} unexpected`,
    );
  }
}

/** @returns a function that says how busy both sides have been since, in percent of a core */
function cpuSpent({ pid, death }: Daemon) {
  const from = { at: performance.now(), daemon: cpuMicroseconds(pid), clients: process.cpuUsage() };
  return () => {
    const us = (performance.now() - from.at) * 1000;
    const { user, system } = process.cpuUsage(from.clients);
    const ofDaemon = death() === null ? cpuMicroseconds(pid) - from.daemon : Number.NaN;
    return { daemon: Math.round((100 * ofDaemon) / us), clients: Math.round((100 * (user + system)) / us) };
  };
}

/** With all clients gone: as few as `wanted` if that comes in time, else how many there are then. */
async function settledDescriptors(daemon: Daemon, wanted: number | null = null): Promise<number> {
  if (wanted === null) await sleep(1000);
  const deadline = performance.now() + (wanted === null ? 0 : SETTLE_MS);
  for (;;) {
    if (daemon.death() !== null) return Number.NaN;
    const count = countDescriptors(daemon.pid);
    if (performance.now() >= deadline || count <= (wanted ?? 0)) return count;
    await sleep(200);
  }
}

function say(line: string): void {
  console.error(line);
}
