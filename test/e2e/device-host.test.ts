import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { createHailoBackend } from '../../src/backends/hailo/backend.ts';
import { encodeFrame, KIND } from '../../src/backends/hailo/frames.ts';
import { whyNoStandIn } from '../fakes/hailort/build.ts';
import { insertChip, type StandInChip, settingsFor } from '../fakes/stand-in-chip.ts';
import { distFile, skipWithout } from './launch.ts';

const skip = whyNoStandIn() || skipWithout({ [distFile(process.arch)]: 'run "npm run build" first' });

t.test('the executable is a device host, too, and ends with the daemon', { skip }, async (t) => {
  const chip = insertChip(t);
  const nothing = () => {};
  const ended: (number | string | null)[] = [];
  const startHost = () => {
    const env = { ...process.env, HAILORT_LOGGER_PATH: 'NONE', HAILORT_CONSOLE_LOGGER_LEVEL: 'critical' };
    const stdio = ['ignore', 'ignore', 'pipe', 'pipe'] as const;
    const child = spawn(distFile(process.arch), ['device-host'], { env, stdio: [...stdio] });
    child.on('exit', (status, signal) => ended.push(status ?? signal));
    return child;
  };
  const settings = settingsFor(chip.library, { deviceId: 'hailo0', timeoutMs: 1000, batchSize: 2 });
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const backend = createHailoBackend({ settings, startHost, log, root: chip.root });
  const model = await backend.load(chip.source);
  t.match(backend.state(), { available: true, device: /^Hailo-8 / });
  t.equal((await model.run(new Float32Array(900))).backend, 'hailo');
  await backend.close();
  t.same(ended, ['SIGKILL']);
  t.equal(chip.calls().at(-1), 'hailo_release_vdevice 0');
});

t.test('a device host that hangs in the library ends with a daemon that is killed', { skip }, async (t) => {
  const chip = insertChip(t);
  await chip.script('hang hailo_identify');
  const parent = `
    const { spawn } = require('node:child_process');
    const child = spawn(${JSON.stringify(distFile(process.arch))}, ['device-host'], {
      env: { ...process.env, HAILORT_LOGGER_PATH: 'NONE', HAILORT_CONSOLE_LOGGER_LEVEL: 'critical' },
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    });
    child.stdio[3].write(Buffer.from(process.argv[1], 'hex'));
    console.log(child.pid);
    setInterval(() => {}, 1000);`;
  const request = { type: 'open', library: chip.library, hefPath: chip.hefPath, ...openRequest(chip) };
  const frame = encodeFrame(KIND.control, 0, Buffer.from(JSON.stringify(request)));
  const daemon = spawn(process.execPath, ['-e', parent, frame.toString('hex')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [pid] = await once(daemon.stdout, 'data');
  while (!chip.calls().some((call) => call.startsWith('hailo_create_vdevice'))) await sleep(10);
  await sleep(50); // into the call that hangs
  daemon.kill('SIGKILL');
  while (isAlive(Number(pid))) await sleep(10);
  t.pass('it is gone');
});

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function openRequest({ source }: StandInChip) {
  const { id, input, outputs, artefacts } = source;
  const hef = artefacts.find(({ kind }) => kind === 'hef');
  const crossing = { id, input, outputs, inputLayout: hef?.inputLayout, vstreams: {} };
  const options = { deviceId: null, timeoutMs: 200, batchSize: 1, multiProcessService: false };
  return { hefSha256: hef?.sha256, source: crossing, ...options };
}

function isAlive(pid: number): boolean {
  try {
    return !/State:\s+Z/.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
