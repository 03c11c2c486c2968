import { join } from 'node:path';
import t from 'tap';
import { SidecarError } from '../../../src/core/errors.ts';
import type { Disk } from '../../../src/models/store/disk.ts';
import { ROLES, refIn } from '../../../src/models/store/store-ref.ts';
import { RECORD } from '../../../src/models/store/store-shelf.ts';
import type { StoreState } from '../../../src/models/store/store-state.ts';
import * as to from '../../../src/models/store/store-transitions.ts';
import {
  Crash,
  type CrashingDisk,
  type CrashOptions,
  createCrashingDisk,
  type Survival,
} from '../../fakes/crashing-disk.ts';
import { filesOf, install, membersOf, optionsOn, PACKAGED_DIRECTORY, ROOT, storeOn } from '../../fakes/store.ts';

/** The store after a@1 and b@1 were installed, and a@1 activated and confirmed. */
async function prepare(...more: ((disk: Disk) => Promise<unknown>)[]): Promise<CrashingDisk> {
  const disk = createCrashingDisk();
  const steps = [
    () => install(disk, 'a@1'),
    () => install(disk, 'b@1'),
    () => change(disk, (state) => to.activated(state, 'a@1', 'boot')),
    () => change(disk, to.confirmed),
  ];
  for (const step of [...steps, ...more]) await step(disk);
  return disk.after('nothing');
}

const change = (disk: Disk, transition: (state: StoreState) => StoreState) => storeOn(disk).change(transition);
const at = '2026-01-01T00:00:00Z';
const activateB = (disk: Disk) => change(disk, (state) => to.activated(state, 'b@1', 'boot'));
const candidateB = (disk: Disk) =>
  change(disk, (state) => to.withCandidate(state, { ref: 'b@1', mode: 'shadow', share: 0, phase: 'running' }));

/** Another process activates b@1 while c@1 lies in staging, whose install has its own lock all the time. */
async function installWhileChanging(disk: Disk): Promise<void> {
  const installLock = async () => {
    throw new SidecarError('CONFLICT', 'an install is under way');
  };
  const other = storeOn(disk, { installLock });
  const { verify, ...options } = optionsOn(disk);
  const changing = async (directory: string) => {
    await other.change((state) => to.activated(state, 'b@1', 'boot'));
    return verify(directory);
  };
  await storeOn(disk).install(membersOf(filesOf('c@1')), { ...options, verify: changing });
}

/** Spoils a file of b@1 as a bad card would. */
async function spoil(disk: Disk): Promise<void> {
  await disk.unlink(join(ROOT, 'b/1/model.onnx'));
  const file = await disk.create(join(ROOT, 'b/1/model.onnx'));
  await file.write(Buffer.from('rot'));
  await file.sync();
  await disk.syncDirectory(join(ROOT, 'b/1'));
}

interface Operation {
  readonly name: string;
  readonly before: () => Promise<CrashingDisk>;
  run(disk: Disk): Promise<unknown>;
  /** States between the old and the new one that are whole as well. */
  readonly between?: readonly ((disk: Disk) => Promise<unknown>)[];
}

const OPERATIONS: readonly Operation[] = [
  { name: 'first install ever', before: async () => createCrashingDisk(), run: (disk) => install(disk, 'a@1') },
  { name: 'install a new name', before: prepare, run: (disk) => install(disk, 'c@1') },
  { name: 'install another version', before: prepare, run: (disk) => install(disk, 'a@2') },
  { name: 'install again over damaged files', before: () => prepare(spoil), run: (disk) => install(disk, 'b@1') },
  {
    name: 'install while another process changes the journal',
    before: prepare,
    run: installWhileChanging,
    between: [activateB],
  },
  { name: 'activate', before: prepare, run: activateB },
  { name: 'start probation', before: () => prepare(activateB), run: (d) => change(d, (s) => to.started(s, 'boot')) },
  { name: 'confirm', before: () => prepare(activateB), run: (disk) => change(disk, to.confirmed) },
  {
    name: 'revert',
    before: () => prepare(activateB),
    run: (disk) => change(disk, (state) => (state.active === 'b@1' ? to.reverted(state, 'bad', at) : state)),
  },
  {
    name: 'roll back',
    before: () => prepare(activateB, (disk) => change(disk, to.confirmed)),
    run: (disk) => change(disk, (state) => (state.active === 'b@1' ? to.rolledBack(state, 'asked', at) : state)),
  },
  { name: 'set a candidate', before: prepare, run: candidateB },
  {
    name: 'promote',
    before: () => prepare(candidateB),
    run: (disk) => change(disk, (state) => to.started(to.activated(state, 'b@1', 'boot'), 'boot')),
  },
  {
    name: 'end the comparison',
    before: () => prepare(candidateB),
    run: (disk) => change(disk, to.withoutCandidate),
  },
  {
    name: 'remove',
    before: prepare,
    run: (disk) => storeOn(disk).remove('b@1').catch(ignoreMissing),
  },
  {
    name: 'collect',
    before: () => prepare((disk) => install(disk, 'c@1')),
    run: (disk) => storeOn(disk).gc({ keep: 0 }),
    between: [(disk) => storeOn(disk).gc({ keep: 1 })],
  },
];

function operationOf(name: string): Operation {
  return OPERATIONS.find((operation) => operation.name === name) as Operation;
}

function ignoreMissing(thrown: { code?: string }): void {
  if (thrown.code !== 'MODEL_MISSING') throw thrown;
}

/** Whole is: the state, every listed model with the content of each file, and links as the state has them. */
async function observe(disk: Disk): Promise<string> {
  const warnings: string[] = [];
  const store = storeOn(disk, { warn: (sentence) => void warnings.push(sentence) });
  const state = await store.read();
  const models: Record<string, unknown> = {};
  for (const { ref, directory, missing } of (await store.list()).slice(1)) {
    const files = (await disk.list(directory)).filter((name) => name !== RECORD).sort();
    const texts = await Promise.all(
      files.map(async (name) => [name, String(await disk.readFile(join(directory, name)))]),
    );
    models[ref] = { missing, files: Object.fromEntries(texts) };
  }
  const agree = (await disk.kindOf(ROOT)) === null || (await doLinksAgree(disk, state));
  const strangers = (await disk.list(ROOT)).filter((name) => name.startsWith('.'));
  return JSON.stringify({ state, models, agree, strangers, warnings });
}

async function doLinksAgree(disk: Disk, state: StoreState): Promise<boolean> {
  const shown = ROLES.map(async (role) => {
    const path = join(ROOT, role);
    return (await disk.kindOf(path)) === null ? null : await disk.readLink(path);
  });
  const wanted = ROLES.map(
    (role) => refIn(state, role)?.replace('@', '/').replace('packaged', PACKAGED_DIRECTORY) ?? null,
  );
  return JSON.stringify(await Promise.all(shown)) === JSON.stringify(wanted);
}

/** No model that the state names is missing or other than it was installed, unless the test itself spoiled it. */
function holes(observed: string): string[] {
  const { state, models, agree, strangers, warnings } = JSON.parse(observed);
  const named = [state.active, state.previous, state.candidate?.ref].filter((ref) => ref && ref !== 'packaged');
  const wrong = named.filter(
    (ref) => JSON.stringify(sorted(models[ref]?.files ?? {})) !== JSON.stringify(sorted(filesOf(ref))),
  );
  return [...wrong, ...strangers, ...warnings, ...(agree ? [] : ['the links do not agree'])];
}

const sorted = (files: object) => Object.entries(files).sort();

const SURVIVALS: readonly Survival[] = [
  'nothing',
  'everything',
  'killed',
  ...Array.from({ length: 8 }, (_, index) => ({ seed: index * 7919 + 1 })),
];

interface Figures {
  readonly steps: number;
  old: number;
  new: number;
  /** Where neither was found, or something else was wrong. */
  readonly wrong: string[];
}

interface Expected {
  readonly old: string;
  readonly new: string;
  /** Whole as well. */
  readonly between: readonly string[];
}

async function expectedOf(
  { run, between = [] }: Operation,
  start: CrashingDisk,
): Promise<Expected & { steps: number }> {
  const after = async (work: (disk: Disk) => Promise<unknown>) => {
    const disk = start.after('nothing');
    await work(disk);
    return { steps: disk.calls.length, seen: await observe(disk.after('nothing')) };
  };
  const { steps, seen } = await after(run);
  const others = await Promise.all(between.map(async (work) => (await after(work)).seen));
  return { old: await observe(start.after('nothing')), new: seen, between: others, steps };
}

/** Ends the world at every step of an operation in every way, and looks what the next process finds. */
async function crashEverywhere(operation: Operation, lies: CrashOptions = {}, enough = 100): Promise<Figures> {
  const start = await operation.before();
  const expected = await expectedOf(operation, start);
  const figures: Figures = { steps: expected.steps, old: 0, new: 0, wrong: [] };
  for (let crashAt = 1; crashAt <= figures.steps + 1 && figures.wrong.length < enough; crashAt += 1) {
    const disk = start.after('nothing', { crashAt, ...lies });
    const isThrough = await runsThrough(operation, disk);
    for (const survival of SURVIVALS) {
      const found = disk.after(survival, survival === 'killed' && typeof lies.forgets === 'string' ? lies : {});
      const wrong = lostOr(await judge(operation, found, expected, figures), isThrough);
      const where = `step ${crashAt} (${disk.calls.at(-1)}), ${JSON.stringify(survival)}`;
      if (wrong !== null) figures.wrong.push(`${where}: ${wrong}`);
    }
  }
  return figures;
}

/** To find the old one is right, unless the change was reported as done. */
function lostOr(judged: string | null, isThrough: boolean): string | null {
  if (judged !== 'old') return judged;
  return isThrough ? 'a change that was reported as done is lost' : null;
}

/** False when the world ended on the way. */
async function runsThrough(operation: Operation, disk: Disk): Promise<boolean> {
  try {
    await operation.run(disk);
    return true;
  } catch (thrown) {
    if (thrown instanceof Crash) return false;
    throw thrown;
  }
}

/** null or "old" when all is well, else what is wrong. */
async function judge(
  operation: Operation,
  found: CrashingDisk,
  expected: Expected,
  figures: Figures,
): Promise<string | null> {
  try {
    const seen = await observe(found);
    const isOld = seen === expected.old;
    if (!isOld && seen !== expected.new && !expected.between.includes(seen)) return `neither: ${seen}`;
    figures[isOld ? 'old' : 'new'] += 1;
    const holed = operation.name.includes('damaged') ? [] : holes(seen);
    if (holed.length > 0) return holed.join();
    await operation.run(found);
    const again = await observe(found.after('nothing'));
    return again === expected.new ? (isOld ? 'old' : null) : `repeated, after a power cut: ${again}`;
  } catch (thrown) {
    return String(thrown);
  }
}

t.test('whatever step the world ends at, and whatever survives, the store is the old or the new one', async (t) => {
  for (const operation of OPERATIONS) {
    const { steps, old, new: changed, wrong } = await crashEverywhere(operation);
    const label = `${operation.name}: ${steps} steps, ${old} times the old, ${changed} times the new`;
    t.strictSame(wrong.slice(0, 3), [], label);
  }
});

t.test('a disk that only claims to sync content, or names, does not pass this test', async (t) => {
  for (const forgets of ['content', 'names'] as const) {
    for (const name of ['first install ever', 'install a new name', 'activate', 'revert', 'confirm']) {
      const { wrong } = await crashEverywhere(operationOf(name), { forgets }, 1);
      t.not(wrong.length, 0, `${name} without syncs of ${forgets}`);
    }
  }
  t.not((await crashEverywhere(operationOf('remove'), { forgets: 'names' }, 1)).wrong.length, 0, 'remove');
});

/** Those of which no other one, and no rename that the file system journals as one, does the work as well. */
const NEEDED: Readonly<Record<string, RegExp>> = {
  'install a new name': /\.staging|\/c$/,
  'install another version': /\.staging|\/a$/,
  'install again over damaged files': /model\.onnx|b\/1$/,
  confirm: /\.journal|models$/,
};

t.test('nor does a store that leaves out a single sync', async (t) => {
  for (const [name, needed] of Object.entries(NEEDED)) {
    const operation = operationOf(name);
    const whole = (await operation.before()).after('nothing');
    await operation.run(whole);
    const steps = whole.calls.flatMap((call, index) => (isNeeded(call, index) ? [{ call, step: index + 1 }] : []));
    for (const { call, step } of steps) {
      const { wrong } = await crashEverywhere(operation, { forgets: step }, 1);
      t.not(wrong.length, 0, `${name} without ${call.replace(/-[0-9a-f]{12}/, '')}`);
    }
    /** The first two are for what a process before it may have left unsynced. */
    function isNeeded(call: string, index: number): boolean {
      return index > 1 && call.startsWith('sync') && needed.test(call);
    }
  }
});

/** The install is killed at a step; the next process activates what it finds; then the power goes. */
async function activateAfterKill(crashAt: number, forgets?: string): Promise<string | null> {
  const disk = (await prepare()).after('nothing', { crashAt });
  const isThrough = await runsThrough(operationOf('install a new name'), disk);
  const dryRun = disk.after('killed');
  const listed = await storeOn(dryRun).list();
  if (isThrough || !listed.some(({ ref }) => ref === 'c@1')) return null;
  const activate = (on: Disk) => change(on, (state) => to.activated(state, 'c@1', 'boot'));
  await activate(dryRun);
  const step = dryRun.calls.indexOf(forgets ?? '') + 1;
  const next = disk.after('killed', step === 0 ? {} : { forgets: step });
  await activate(next);
  return observe(next.after('nothing'));
}

t.test(
  'what is activated is on disk, even when the one who installed it was killed before its last sync',
  async (t) => {
    const killed = await Promise.all(Array.from({ length: 30 }, (_, index) => activateAfterKill(index + 1)));
    const seen = killed.filter((observed) => observed !== null);
    t.ok(seen.length > 0, 'there are such steps');
    t.strictSame(seen.flatMap(holes), []);
    const lying = await Promise.all(
      Array.from({ length: 30 }, (_, index) => activateAfterKill(index + 1, `sync ${ROOT}/c`)),
    );
    t.not(
      lying.filter((observed) => observed !== null).flatMap(holes).length,
      0,
      'and without that sync it would not be',
    );
  },
);

t.test('a recovery that is interrupted itself is ended by the next one', async (t) => {
  const wrong: string[] = [];
  for (const name of ['install a new name', 'activate', 'promote', 'remove', 'collect']) {
    const operation = operationOf(name);
    const start = await operation.before();
    const expected = await expectedOf(operation, start);
    for (let crashAt = 1; crashAt <= expected.steps; crashAt += 2) {
      const first = start.after('nothing', { crashAt });
      await runsThrough(operation, first);
      for (let again = 1; again <= 6; again += 1) {
        const second = first.after({ seed: crashAt }, { crashAt: again });
        await runsThrough({ ...operation, run: observe }, second);
        const figures = { steps: 0, old: 0, new: 0, wrong: [] };
        const found = await judge(operation, second.after({ seed: again }), expected, figures);
        if (found !== null && found !== 'old') wrong.push(`${name} ${crashAt} ${again}: ${found}`);
      }
    }
  }
  t.strictSame(wrong.slice(0, 3), []);
});

t.test('a disk that is full at any step leaves the old or the new, says how to go on, and keeps nothing', async (t) => {
  for (const code of ['ENOSPC', 'EDQUOT', 'EACCES', 'EROFS', 'EIO']) {
    const wrong: string[] = [];
    for (const operation of OPERATIONS) wrong.push(...(await failEverywhere(operation, code)));
    t.strictSame(wrong.slice(0, 3), [], code);
  }
});

const REMEDY = /model gc|sudo|remount|dmesg/;

/** Every step fails once; for a full disk every step from there on that takes space. */
async function failEverywhere(operation: Operation, code: string): Promise<string[]> {
  const start = await operation.before();
  const expected = await expectedOf(operation, start);
  const wrong: string[] = [];
  for (let call = 1; call <= expected.steps; call += 1) {
    const disk = start.after('nothing', { failAt: { call, code, forever: code === 'ENOSPC' } });
    const problem = await operation.run(disk).then(
      () => null,
      (thrown) => (thrown.code === 'STORE_FAILED' && REMEDY.test(thrown.message) ? null : String(thrown)),
    );
    const left = (await disk.list(ROOT)).filter((name) => /^\.(staging|journal|link)/.test(name));
    const seen = await observe(disk.after('everything'));
    const isKnown = seen === expected.old || seen === expected.new || expected.between.includes(seen);
    const where = `${operation.name}, ${code} at ${call} (${disk.calls[call - 1]})`;
    if (problem !== null) wrong.push(`${where}: ${problem}`);
    if (code === 'ENOSPC' && left.length > 0) wrong.push(`${where}: left ${left}`);
    if (!isKnown && !operation.name.includes('damaged')) wrong.push(`${where}: ${seen}`);
  }
  return wrong;
}
