import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createHailoBackend } from '../../src/backends/hailo/backend.ts';
import type { LoadedModel } from '../../src/core/backend.ts';
import { startDeviceHost } from '../../src/parts.ts';
import { insertChip, settingsFor } from '../../test/fakes/stand-in-chip.ts';

/**
 * `npm run bench:device`: what our side adds to a window on the device (ticket, channel, FFI and back), and how much of
 * the device's own rate comes through. The device is the stand-in, 200 µs per window.
 */
const DEVICE_US = 200;
const ROUNDS = 3000;
const root = mkdtempSync(join(tmpdir(), 'sidecar-device-'));
mkdirSync(join(root, 'dev'));
writeFileSync(join(root, 'dev', 'hailo0'), '');
const chip = insertChip({ testdir: () => root });
await chip.script(`device_us ${DEVICE_US}`);
const nothing = () => {};
const backend = createHailoBackend({
  settings: settingsFor(chip.library, { timeoutMs: 2000 }),
  startHost: startDeviceHost,
  log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  root,
});
const model = await backend.load(chip.source);
const window = Float32Array.from({ length: 900 }, (_, i) => Math.sin(i / 50));
await inTurn(model, 1000);
const times = await inTurn(model, ROUNDS);
const [p50, p99] = [times[ROUNDS >> 1]!, times[Math.floor(ROUNDS * 0.99)]!].map((ms) => ms * 1000 - DEVICE_US);
console.log(`| figure, device of ${DEVICE_US} µs per window | goal | seen |\n|---|--:|--:|`);
console.log(`| added per window, p50 | 150 µs | ${p50!.toFixed(0)} µs |`);
console.log(`| added per window, p99 | 1000 µs | ${p99!.toFixed(0)} µs |`);
for (const callers of [8, 32]) {
  const share = (await rate(model, callers)) / (1e6 / DEVICE_US);
  console.log(`| share of the device's own rate, ${callers} callers | 0.90 | ${share.toFixed(2)} |`);
}
console.log(
  `| longest delay of the daemon's event loop while the device hangs for 2 s | 5 ms | ${(await delayWhileHanging()).toFixed(1)} ms |`,
);
await backend.close();
rmSync(root, { recursive: true });

async function inTurn(on: LoadedModel, rounds: number): Promise<number[]> {
  const spent: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const startAt = performance.now();
    await on.run(window);
    spent.push(performance.now() - startAt);
  }
  return spent.sort((a, b) => a - b);
}

/** Windows per second with so many callers, each with one window at a time. */
async function rate(on: LoadedModel, callers: number): Promise<number> {
  let left = 10_000;
  const startAt = performance.now();
  const call = async () => {
    while (left-- > 0) await on.run(window);
  };
  await Promise.all(Array.from({ length: callers }, call));
  return 10_000 / ((performance.now() - startAt) / 1000);
}

async function delayWhileHanging(): Promise<number> {
  await chip.script('hang hailo_vstream_read_raw_buffer');
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await model.run(window).catch(nothing);
  delay.disable();
  return delay.max / 1e6;
}
