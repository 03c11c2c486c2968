import { spawn } from 'node:child_process';
import t from 'tap';
import { createHailoBackend } from '../../src/backends/hailo/backend.ts';
import { whyNoStandIn } from '../fakes/hailort/build.ts';
import { insertChip, settingsFor } from '../fakes/stand-in-chip.ts';
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
