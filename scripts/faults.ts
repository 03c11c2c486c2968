import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OnChipOptions, runFault, startOnChip } from '../test/fakes/daemon-on-chip.ts';

/**
 * `npm run faults`: the daemon on the stand-in for libhailort, four clients that ask without a pause, one fault at a time.
 * Prints the README's fault table; ends with 1 when a window got a wrong answer or none.
 */
const DEFAULTS: OnChipOptions = { hailo: 'timeout_ms: 1000', inference: 'deadline_ms: 40' };
const FAULTS: readonly [what: string, script: string, options?: OnChipOptions][] = [
  ['the library crashes in a write', 'crash hailo_vstream_write_raw_buffer times=1'],
  ['the library crashes in a read', 'crash hailo_vstream_read_raw_buffer times=1'],
  ['the library hangs in a read', 'hang hailo_vstream_read_raw_buffer times=1'],
  ['the library hangs in a write', 'hang hailo_vstream_write_raw_buffer times=1'],
  ['a read fails (HAILO_TIMEOUT)', 'fail hailo_vstream_read_raw_buffer 4'],
  ['a write fails (driver, 36)', 'fail hailo_vstream_write_raw_buffer 36'],
  ['the device is lost in mid-stream (63)', 'lost'],
  ['the device takes no windows', 'silent'],
  ['the device swallows windows', 'swallow'],
  ['the device swallows one window', 'swallow times=1'],
  ['the device is lost and stays away for a while', 'lost\nnone'],
  ['the library hangs in a read; deadline 40 ms, timeout 1 s', 'hang hailo_vstream_read_raw_buffer times=1', DEFAULTS],
  [
    'the library crashes in a write; deadline 40 ms, timeout 1 s',
    'crash hailo_vstream_write_raw_buffer times=1',
    DEFAULTS,
  ],
];

console.log(
  '| fault | requests meanwhile | wrong | without a reply | refused | by the CPU | to the CPU | back to the device |',
);
console.log('|---|--:|--:|--:|--:|--:|--:|--:|');
const trees: string[] = [];
let isSound = true;
for (const [what, script, options] of FAULTS) {
  const undo: (() => unknown)[] = [];
  const scope = { teardown: (step: () => unknown) => void undo.push(step), testdir: makeTree };
  const outcome = await runFault(await startOnChip(scope, options), script);
  for (const step of undo.reverse()) await step();
  isSound &&= outcome.wrong === 0 && outcome.lost === 0;
  const { answers, wrong, lost, refused, onCpu, toCpuMs, toDeviceMs } = outcome;
  const times = [toCpuMs, toDeviceMs].map((ms) => `${Math.round(ms)} ms`);
  console.log(`| ${[what, answers, wrong, lost, refused, onCpu, ...times].join(' | ')} |`);
}
for (const tree of trees) rmSync(tree, { recursive: true });
process.exitCode = isSound ? 0 : 1;

/** A directory with a device node, as the test runner's testdir() would make it. */
function makeTree(): string {
  const root = mkdtempSync(join(tmpdir(), 'sidecar-faults-'));
  trees.push(root);
  mkdirSync(join(root, 'dev'));
  writeFileSync(join(root, 'dev', 'hailo0'), '');
  return root;
}
