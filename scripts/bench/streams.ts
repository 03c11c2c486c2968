import { type Bench, type Goal, plain } from './part.ts';
import { runStreamLoad, type StreamLoad, type StreamResult } from './stream-load.ts';
import { compareWithRequests } from './streams-and-requests.ts';
import { toMarkdown } from './swap-figures.ts';
import { startDaemon, type Target } from './targets.ts';
import { threadCpu } from './thread-cpu.ts';
import { rssMb } from './wrk.ts';

const STREAMS = 1000;
const HOP = 25;
const SCORES = { motif_scores: true, top_k: 1 };
/** What a reply of /infer has. */
const ALL = { ...SCORES, latent: true };
const RAMP = [100, 200, 400, 600, 800, 1000];

/** One load of streams, and what the daemon paid for it. */
export interface StreamRun {
  readonly result: StreamResult;
  /** Of a core, in percent, while it was measured. */
  readonly mainPercent: number;
  readonly othersPercent: number;
  readonly cpuUsPerWindow: number;
  /** By RSS, from before all joined until they had, and until all had sent; NaN where they were not held. */
  readonly joinedKb: number;
  readonly runningKb: number;
}

/** A thousand sensors on one core, the load on the other; then as many as the model that ships can take there. */
export async function measureStreams(bench: Bench): Promise<readonly Goal[]> {
  const trivial = await startDaemon('streams', bench.directory, 'backend: {kind: stub}\n', 0);
  const load = loadOf(bench, trivial);
  await run(trivial, { ...load, streams: 100, seconds: 1 }); // compiled, and buffers grown, before anything is measured
  const whole = await run(trivial, load);
  const short = await run(trivial, { ...load, frameSamples: 10 });
  const latent = await run(trivial, { ...load, outputs: ALL });
  printTrivial([
    ['frames of 25', whole],
    ['frames of 10', short],
    ['frames of 25, with the latent', latent],
  ]);
  await compareWithRequests(bench, trivial, { scores: whole, all: latent });
  await trivial.stop();
  const ramp = await measureRamp(bench);
  return [...goalsOf(whole), sustained(ramp)];
}

function loadOf({ directory, seconds }: Bench, { port }: Target): StreamLoad {
  return {
    ...{ port, streams: STREAMS, frameSamples: 25, hop: HOP, outputs: SCORES, core: 1, directory },
    ...{ isHeld: true, joinsPerSecond: STREAMS, warmSeconds: 3, seconds: seconds * 3 },
  };
}

/** Streams that join in the course of time: whom the daemon turns away, it turns away for what the others need. */
async function measureRamp(bench: Bench): Promise<readonly (readonly [number, StreamRun])[]> {
  const target = await startDaemon('streams, shipped model', bench.directory, 'backend: {kind: cpu}\n', 0);
  const runs: [number, StreamRun][] = [];
  for (const streams of RAMP) {
    const load = { ...loadOf(bench, target), streams, isHeld: false, joinsPerSecond: 100 };
    runs.push([streams, await run(target, load)]);
  }
  await target.stop();
  printRamp(runs);
  return runs;
}

async function run({ pid }: Target, load: StreamLoad): Promise<StreamRun> {
  let [joinedKb, runningKb] = [Number.NaN, Number.NaN];
  const before = rssMb(pid);
  const sinceBefore = () => ((rssMb(pid) - before) * 1024) / load.streams;
  let [began, ended] = [threadCpu(pid), threadCpu(pid)];
  const result = await runStreamLoad(load, {
    onConnected() {
      if (load.isHeld) joinedKb = sinceBefore();
    },
    onBegin() {
      began = threadCpu(pid);
    },
    onEnd() {
      ended = threadCpu(pid);
      if (load.isHeld) runningKb = sinceBefore();
    },
  });
  const [main, others] = [ended.main - began.main, ended.others - began.others];
  const toPercent = (us: number) => us / (load.seconds * 10_000);
  return {
    ...{ result, joinedKb, runningKb, cpuUsPerWindow: (main + others) / result.measured },
    ...{ mainPercent: toPercent(main), othersPercent: toPercent(others) },
  };
}

const HEADER = [
  ...['results/s', 'windows due', 'without a result', 'dropped, as told', 'p50 ms', 'p99 ms'],
  ...['daemon: main thread, others, % of a core', 'CPU µs per window', 'load: % of a core, late p99 ms', 'said'],
];

function toCells({ result: r, mainPercent, othersPercent, cpuUsPerWindow }: StreamRun): string[] {
  const said = Object.entries(r.said).map(([what, count]) => `${count} × ${what}`);
  return [
    ...[r.perSecond.toFixed(0), String(r.due), String(r.due - r.results), String(r.dropped)],
    ...[r.latency[0].toFixed(1), r.latency[1].toFixed(1)],
    `${mainPercent.toFixed(0)}, ${othersPercent.toFixed(0)}`,
    cpuUsPerWindow.toFixed(0),
    `${(r.cpuShare * 100).toFixed(0)}, ${r.late[1].toFixed(1)}`,
    said.join(', ') || '–',
  ];
}

function printTrivial(runs: readonly (readonly [string, StreamRun])[]): void {
  const header = ['trivial function', 'KB per stream: joined, running', ...HEADER];
  const rows = runs.map(([what, run]) => [
    what,
    `${run.joinedKb.toFixed(0)}, ${run.runningKb.toFixed(0)}`,
    ...toCells(run),
  ]);
  console.log(`## Streams: ${STREAMS} at 100 Hz, hop ${HOP}\n\n${toMarkdown(header, rows)}\n`);
}

function printRamp(runs: readonly (readonly [number, StreamRun])[]): void {
  const header = ['streams that come', 'turned away', ...HEADER];
  const rows = runs.map(([streams, run]) => [String(streams), String(run.result.refused), ...toCells(run)]);
  console.log(`## Streams with the model that ships, on one core\n\n${toMarkdown(header, rows)}\n`);
}

function goalsOf({ result, mainPercent, othersPercent, runningKb }: StreamRun): readonly Goal[] {
  const what = `${STREAMS} streams, trivial function`;
  return [
    plain(`${what}: let in`, String(STREAMS), String(result.running)),
    plain(`${what}: windows without a result`, '0', String(result.due - result.results)),
    plain(`${what}: CPU`, '≤ 70 % of a core', `${(mainPercent + othersPercent).toFixed(0)} %`),
    plain(`${what}: memory for each`, '≤ 64 KB', `${runningKb.toFixed(0)} KB`),
  ];
}

function sustained(ramp: readonly (readonly [number, StreamRun])[]): Goal {
  const most = ramp.findLast(([, { result }]) => result.refused === 0 && result.due === result.results)?.[0] ?? 0;
  return plain('streams with the model that ships, on one core, none refused, no window lost', '–', String(most));
}
