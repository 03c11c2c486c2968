// SPDX-License-Identifier: Apache-2.0
// What the unit sentinel makes of simulated windows: node sentinel.ts [PER_MOTIF] [SEED], a table per domain and the
// time that it takes. `node sentinel.ts --fixture` rewrites the windows that the tests come with.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectUnits } from '../../src/tasks/tcn/sentinel.ts';
import { DOMAINS, FIXTURE, FIXTURE_PER_MOTIF, packWindows } from '../../test/fixtures/imu-windows.ts';
import { tallyMotifs, type WindowSet } from './unit-tally.ts';

const SIMULATOR = join(import.meta.dirname, 'simulate.py');
/** Seeds that no threshold was chosen with. */
const SEED = 9201;
const FIXTURE_SEED = 9101;

/** Windows of one domain, straight from the simulator. */
export function simulate(domain: string, perMotif: number, seed = SEED): WindowSet {
  const directory = mkdtempSync(join(tmpdir(), 'sentinel-'));
  try {
    const file = join(directory, 'set.f32');
    const options = ['--set', file, '--domain', domain, '--per-motif', `${perMotif}`, '--seed', `${seed}`];
    execFileSync('/usr/bin/python3', [SIMULATOR, ...options], { env: { PYTHONDONTWRITEBYTECODE: '1' } });
    const { motifs, labels } = JSON.parse(readFileSync(join(directory, 'set.json'), 'utf8'));
    const values = new Float32Array(new Uint8Array(readFileSync(file)).buffer);
    return { motifs, labels, windows: labels.map((_: number, i: number) => values.slice(i * 900, (i + 1) * 900)) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** µs per window in the contract's units, after warm-up. */
function measure(windows: readonly Float32Array[]): number {
  const rounds = Math.ceil(400_000 / windows.length);
  const run = () => {
    let warnings = 0;
    for (let round = 0; round < rounds; round++) for (const window of windows) warnings += inspectUnits(window).length;
    return warnings;
  };
  run();
  const startedAt = performance.now();
  run();
  return ((performance.now() - startedAt) * 1000) / (rounds * windows.length);
}

function report(domain: string, perMotif: number, seed: number): void {
  const set = simulate(domain, perMotif, seed);
  console.log(`\n${domain}: ${set.windows.length} windows, seed ${seed}, percent`);
  const columns = ['false alarms', 'deg/s', 'g', 'both', 'no mag: deg/s'];
  console.log(['motif'.padEnd(12), ...columns.map((column) => column.padStart(15))].join(''));
  for (const [motif, tally] of Object.entries(tallyMotifs(set))) {
    const figures = Object.values(tally).map((value: number) => value.toFixed(2).padStart(15));
    console.log([motif.padEnd(12), ...figures].join(''));
  }
  console.log(`${measure(set.windows).toFixed(2)} µs per window`);
}

if (import.meta.main) {
  const [first = '1500', seed = `${SEED}`] = process.argv.slice(2);
  if (first === '--fixture') {
    writeFileSync(FIXTURE, packWindows(DOMAINS.flatMap((d) => simulate(d, FIXTURE_PER_MOTIF, FIXTURE_SEED).windows)));
  } else for (const domain of DOMAINS) report(domain, Number(first), Number(seed));
}
