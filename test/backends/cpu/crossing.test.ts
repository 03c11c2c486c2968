import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { createFlags, endThread, enter, leave } from '../../../src/backends/cpu/crossing.ts';
import type { Log } from '../../../src/core/log.ts';
import { writeTinyBundle } from '../../fixtures/bundle.ts';

const src = (path: string) => new URL(`../../../src/${path}`, import.meta.url).href;

/** A process that leaves with a lane in the middle of its windows; `how` is the last statement. */
function leavingProcess(bundle: string, how: string): string {
  return `
    import { createCpuBackend } from ${JSON.stringify(src('backends/cpu/backend.ts'))};
    import { startCpuThread } from ${JSON.stringify(src('parts.ts'))};
    const nothing = () => {};
    const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
    const backend = createCpuBackend({ lanes: 2, startWorker: startCpuThread, log });
    const model = await backend.load(${bundle});
    for (let i = 0; i < 50; i++) model.run(new Float32Array(900)).catch(nothing);
    setTimeout(() => { ${how} }, 5);`;
}

t.test('a process that ends while windows are computed ends with its own status, not with a crash', async (t) => {
  const directory = t.testdir();
  const script = join(directory, 'leave.mjs');
  const { source } = writeTinyBundle(join(directory, 'bundle'), { sines: 400 });
  for (const [how, status, stderr] of [
    ['process.exit(7)', 7, /^$/],
    ['throw new Error("boom")', 1, /Error: boom/],
  ] as const) {
    writeFileSync(script, leavingProcess(JSON.stringify(source), how));
    const ends = Array.from({ length: 4 }, () => {
      const child = spawnSync(process.execPath, [script], { encoding: 'utf8' });
      return { status: child.status, signal: child.signal, isAsSaid: stderr.test(child.stderr) };
    });
    t.same(ends, new Array(4).fill({ status, signal: null, isAsSaid: true }), how);
  }
});

function world(code: string, onError = (_message: string) => {}) {
  const nothing = () => {};
  const log: Log = { debug: nothing, info: nothing, warn: nothing, error: (_, message) => onError(message) };
  return { thread: new Worker(code, { eval: true }), flags: createFlags(), log };
}

const OBEYS = `const { parentPort } = require('node:worker_threads'); parentPort.once('message', () => parentPort.close());`;
const DEAF = `setInterval(() => {}, 1000); require('node:worker_threads').parentPort.postMessage('up');`;

t.test('a thread that is asked to end is waited for', async (t) => {
  const { thread, flags, log } = world(OBEYS);
  await endThread(thread, flags, { timeoutMs: 30_000, log });
  t.equal(thread.threadId, -1);
  await endThread(thread, flags, { timeoutMs: 30_000, log });
});

t.test('one that does not end by itself is ended by force when it is outside of the runtime', async (t) => {
  const { thread, flags, log } = world(DEAF);
  await new Promise((resolve) => thread.once('message', resolve));
  leave(flags);
  await endThread(thread, flags, { timeoutMs: 1, log });
  t.equal(thread.threadId, -1);
});

t.test('one that is stuck inside is left behind, which is said, and never enters again', async (t) => {
  const said: string[] = [];
  const { thread, flags, log } = world(DEAF, (message) => said.push(message));
  t.teardown(() => thread.terminate());
  await new Promise((resolve) => thread.once('message', resolve));
  t.equal(enter(flags), true);
  await endThread(thread, flags, { timeoutMs: 1, log });
  t.not(thread.threadId, -1);
  t.match(said, [/still inside the runtime/]);
  leave(flags);
  t.equal(enter(flags), false);
});
