import { requestBodies } from './bodies.ts';
import { runOpenLoop } from './open-loop.ts';
import type { Bench, Goal } from './part.ts';
import { toMarkdown } from './swap-figures.ts';
import { startDaemon, timeExecutable } from './targets.ts';
import { cpuMicroseconds, rssMb } from './wrk.ts';

const CONFIG = 'backend: {kind: cpu}\n';

/** What a client at EdgeInfer's pace sees, what the daemon costs, and whether anything blocks its event loop. */
export async function measureDaemon({ directory, seconds }: Bench): Promise<readonly Goal[]> {
  const pace = { perSecond: 250, connections: 16, body: requestBodies()['float32 digits'], directory };
  const target = await startDaemon('paced', directory, CONFIG, null);
  const paced = await runOpenLoop({ ...pace, port: target.port, seconds: seconds * 3 });
  const before = cpuMicroseconds(target.pid);
  await new Promise((resolve) => setTimeout(resolve, seconds * 2500));
  const idle = (cpuMicroseconds(target.pid) - before) / (seconds * 25_000);
  const memory = rssMb(target.pid);
  await target.stop();
  const probed = await startDaemon('probed', directory, CONFIG, null, true);
  await probed.loopDelay();
  await runOpenLoop({ ...pace, port: probed.port, seconds });
  const loop = await probed.loopDelay();
  await probed.stop();
  const executable = await timeExecutable(directory);
  const { p50, p95, p99, max } = paced.accepted;
  const rows = [
    ['exec to first `ok:true`, executable', executable === null ? 'not built' : `${executable.toFixed(0)} ms`],
    ['the same from the sources', `${target.startMs.toFixed(0)} ms`],
    ['250 requests/s open-loop: p50', ms(p50)],
    ['p95, p99, max', `${ms(p95)}, ${ms(p99)}, ${ms(max)}`],
    ['of them not 200', `${paced.requests - paced.ok} of ${paced.requests}`],
    ['event loop meanwhile: p99 and longest delay of a 1 ms timer', `${ms(loop.p99Ms)}, ${ms(loop.maxMs)}`],
    ['CPU when idle', `${idle.toFixed(2)} % of a core`],
    ['memory (RSS) after that load', `${memory.toFixed(0)} MB`],
  ];
  console.log(`## The daemon with the shipped model\n\n${toMarkdown(['figure', 'value'], rows)}\n`);
  return [];
}

const ms = (value: number) => `${value.toFixed(2)} ms`;
