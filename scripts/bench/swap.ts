import { cpSync, mkdtempSync } from 'node:fs';
import { availableParallelism, loadavg, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../../packaging/project.ts';
import { requestBodies } from './bodies.ts';
import { copyBundle, makeBox } from './swap-box.ts';
import { makeMisfits, toFieldBody } from './swap-misfits.ts';
import { measureShadow, printShadow } from './swap-shadow.ts';
import { measureRound, printSteps, printTimes, type StepResult } from './swap-steps.ts';
import { makeReferenceBundle } from './targets.ts';

/**
 * `npm run bench:swap [-- --quick] [--rate PER_SECOND] [--first]`: what clients notice of an install, an activation, a rollback, a refused model and an
 * automatic revert, what these take, and what a shadow costs. The executable, on the CPU, under open-loop load.
 * --first (as root) lets all of it, load and daemon and commands alike, go before the other processes of the machine.
 */
const FIRST = -15;
const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, first: { type: 'boolean' }, rate: { type: 'string' } },
});
const isQuick = values.quick === true;
if (values.first) setPriority(FIRST);
const RATES = values.rate !== undefined ? [Number(values.rate)] : isQuick ? [500] : [500, 250];
const ROUNDS = isQuick ? 1 : 3;
const PAIRS = isQuick ? 2 : 8;
const QUIET_MS = isQuick ? 1500 : 2500;
const SHADOW_MS = isQuick ? 1500 : 3000;
const ROLLOUT = 'rollout: {probation_s: 300}\ninference: {allow_uncalibrated_motifs: true}\nlogging: {level: warn}\n';

const directory = mkdtempSync(join(tmpdir(), 'sidecar-swap-'));
const tell = (text: string) => process.stderr.write(`${text}\n`);
const box = await makeBox(directory, ROLLOUT);
try {
  await main();
} catch (thrown) {
  tell(box.log());
  throw thrown;
} finally {
  await box.stop();
}

async function main(): Promise<void> {
  const reference = await makeReferenceBundle(directory);
  const bundle = reference ?? shippedBundle();
  const misfits = makeMisfits(directory);
  await box.start();
  const active = copyBundle(bundle, join(directory, 'active'), '1');
  const ref = await must('install', active);
  for (const misfit of Object.values(misfits)) await must('install', misfit.directory);
  await must('activate', ref);
  await must('confirm');
  const body = requestBodies()['compact sample'] ?? '';
  const bodies = [body, toFieldBody(body)];
  console.log(
    `Model: ${reference === null ? 'the one that ships' : 'the published 72 % model'}, on the CPU; ${availableParallelism()} cores.\n`,
  );
  for (const perSecond of RATES) {
    const rounds: StepResult[][] = [];
    for (let i = 0; i < ROUNDS; i++) {
      console.log(`${perSecond} requests/s, round ${i + 1} of ${ROUNDS}`);
      const next = copyBundle(bundle, join(directory, `next-${perSecond}-${i}`), `2.${perSecond}.${i}`);
      rounds.push(await measureRound({ box, directory, perSecond, bodies, next, misfits, quietMs: QUIET_MS }));
    }
    printSteps(perSecond, rounds);
    printTimes(rounds);
  }
  const shadow = await must('install', copyBundle(bundle, join(directory, 'shadow'), '3'));
  for (const perSecond of RATES) {
    console.log(`\nShadow at ${perSecond} requests/s, load average ${loadavg()[0]?.toFixed(1)}`);
    printShadow(
      perSecond,
      await measureShadow({ box, directory, perSecond, body, shadow, pairs: PAIRS, spanMs: SHADOW_MS }),
    );
  }
}

/** Runs a command that must work; resolves to the model that it names. */
async function must(...argv: string[]): Promise<string> {
  const said = await box.model(...argv, '--json');
  if (said.status !== 0) throw new Error(`model ${argv.join(' ')} failed:\n${said.out}`);
  return (JSON.parse(said.out) as { model?: string }).model ?? '';
}

function shippedBundle(): string {
  const to = join(directory, 'shipped');
  cpSync(join(ROOT, 'packaging', 'models', 'default'), to, { recursive: true });
  return to;
}
