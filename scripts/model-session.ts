import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from '../packaging/project.ts';
import { type Box, copyBundle, makeBox } from './bench/swap-box.ts';
import { makeMisfits, toFieldBody } from './bench/swap-misfits.ts';

/**
 * `npm run model:session`: the life of a model on a box, as a transcript of the real executable: install, shadow, canary,
 * promote, probation; a model that fails in the field and is taken back; a daemon that is killed in a probation. Every
 * step is checked; ends with status 1 at the first that did not do what it should.
 */
const EXAMPLES = join(ROOT, 'packaging', 'models', 'default', 'examples');
const NAMES = ['walk', 'trot', 'rest', 'shake', 'jump', 'turn_left'];
const WINDOWS = NAMES.map((name) => readFileSync(join(EXAMPLES, `${name}.json`), 'utf8'));
const SHIPPED = join(ROOT, 'packaging', 'models', 'default');
const CONFIG = 'rollout: {probation_s: 8, min_samples: 50}\nlogging: {level: warn}\n';
const HEADERS = { 'content-type': 'application/json' };

const directory = mkdtempSync(join(tmpdir(), 'model-session-'));
const box = await makeBox(directory, CONFIG);
try {
  await session(box);
  say('# Every step did what it should.');
} catch (thrown) {
  console.error(`FAILED: ${thrown instanceof Error ? thrown.message : thrown}\n\nThe daemon said:\n${box.log()}`);
  process.exitCode = 1;
} finally {
  await box.stop();
}

async function session(box: Box): Promise<void> {
  const next = copyBundle(SHIPPED, join(directory, 'next'), '2');
  const { hot } = makeMisfits(directory);
  await box.start();
  await firstModel(next);
  await failureInTheField(hot);
  await killInProbation(hot);
}

async function firstModel(next: string): Promise<void> {
  say('# A new model: first beside the one that serves, then for a few requests, then for all.');
  await type(0, /imu-motif-tcn@2 is installed/, 'install', next);
  await type(0, /shadow/, 'candidate', 'imu-motif-tcn@2', '--shadow');
  await send(30);
  await type(0, /not enough yet: \d+ of 50 pairs/, 'compare');
  await type(1, /was not promoted: not enough yet/, 'promote');
  await sendUntil(isEnough);
  await type(0, /Enough to judge/, 'compare');
  await type(0, /canary/, 'candidate', 'imu-motif-tcn@2', '--canary', '5');
  const answered = await send(1500);
  const share = (answered.get('imu-motif-tcn@2') ?? 0) / 1500;
  require(share > 0.02 && share < 0.1, `the canary answered ${share} of the requests`);
  await type(0, /5 % of the requests/, 'list');
  await sendUntil(isEnough);
  await type(0, /imu-motif-tcn@2 serves.*on probation/s, 'promote');
  await type(0, /on probation/, 'list');
  await sendUntil(async () => !/on probation/.test((await box.model('list')).out));
  await type(0, /imu-motif-tcn@2 +.*active/, 'list');
}

/** Its golden windows pass, it is right for what was sent so far, and it overflows when a sensor hangs at its stop. */
async function failureInTheField(hot: { ref: string; directory: string }): Promise<void> {
  say('# A model that passes every gate, and fails in the field.');
  await type(0, /tiny@hot is installed/, 'install', hot.directory);
  await type(0, /tiny@hot serves.*on probation/s, 'activate', hot.ref);
  await send(20);
  const field = WINDOWS.map(toFieldBody);
  const answered = await sendUntil(async () => !(await serves()).startsWith('tiny'), field);
  require((answered.get('500') ?? 0) > 0, 'the model did not fail');
  await type(0, /! tiny@hot, .*not finite/, 'list');
  await send(20);
}

async function killInProbation(hot: { ref: string }): Promise<void> {
  say('\n# The daemon dies while a model is on probation.');
  await sendUntil(soon(9000)); // the windows of the field must be out of the latest ones: a gate would see them
  await type(0, /tiny@hot serves.*on probation/s, 'activate', hot.ref);
  say('$ kill -9 $(pidof hailo-tcn-sidecar); hailo-tcn-sidecar serve &');
  await box.stop('SIGKILL');
  await box.start();
  say(`${box.log().trim()}\n`);
  await type(0, /! tiny@hot, .*died/, 'list');
  await send(20);
}

async function isEnough(): Promise<boolean> {
  return /Enough to judge/.test((await box.model('compare')).out);
}

function soon(ms: number): () => Promise<boolean> {
  const until = performance.now() + ms;
  return async () => performance.now() > until;
}

/** Runs a command and shows it. Throws when it ends or speaks otherwise than it should. */
async function type(status: number, pattern: RegExp, ...argv: string[]): Promise<void> {
  say(`$ hailo-tcn-sidecar model ${argv.join(' ').replaceAll(`${directory}/`, '')}`);
  const said = await box.model(...argv);
  say(`${said.out.replaceAll(`${directory}/`, '').trimEnd()}${said.status === 0 ? '' : `\n(status ${said.status})`}\n`);
  require(said.status === status, `it ended with ${said.status}, not with ${status}`);
  require(pattern.test(said.out), `it did not say ${pattern}`);
}

async function serves(): Promise<string> {
  const info = (await (await fetch(`${box.url}/model/info`)).json()) as { id: string };
  return info.id;
}

/** Real windows, four at a time; shows who answered how many. */
async function send(count: number, windows: readonly string[] = WINDOWS): Promise<Map<string, number>> {
  let left = count;
  return ask(async () => left-- <= 0, windows);
}

/** Sends windows until it is so; 20 s at most. */
async function sendUntil(
  isSo: () => Promise<boolean>,
  windows: readonly string[] = WINDOWS,
): Promise<Map<string, number>> {
  const isLate = soon(20_000);
  let hasEnded = false;
  const watching = (async () => {
    while (!(await isSo())) {
      if (await isLate()) throw new Error('what should happen did not within 20 s');
      await sleep(100);
    }
  })().finally(() => {
    hasEnded = true;
  });
  const answered = await ask(async () => {
    await sleep(5);
    return hasEnded;
  }, windows);
  await watching;
  return answered;
}

async function ask(isOver: () => Promise<boolean>, windows: readonly string[]): Promise<Map<string, number>> {
  const answered = new Map<string, number>();
  let i = 0;
  const client = async () => {
    while (!(await isOver())) {
      const body = windows[i++ % windows.length] ?? '';
      const reply = await fetch(`${box.url}/infer`, { method: 'POST', headers: HEADERS, body });
      await reply.arrayBuffer();
      const who = reply.status === 200 ? (reply.headers.get('x-model') ?? '') : String(reply.status);
      answered.set(who, (answered.get(who) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 4 }, client));
  const total = [...answered.values()].reduce((sum, count) => sum + count, 0);
  say(`# ${total} windows sent: ${[...answered].map(([who, count]) => `${count} × ${who}`).join(', ')}\n`);
  return answered;
}

function require(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(what);
}

function say(text: string): void {
  console.log(text);
}
