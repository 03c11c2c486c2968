import { join } from 'node:path';
import t from 'tap';
import { SidecarError } from '../../../src/core/errors.ts';
import type { Disk } from '../../../src/models/store/disk.ts';
import type { StoreState } from '../../../src/models/store/store-state.ts';
import * as to from '../../../src/models/store/store-transitions.ts';
import { createCrashingDisk } from '../../fakes/crashing-disk.ts';
import { filesOf, install, membersOf, optionsOn, PACKAGED_DIRECTORY, ROOT, storeOn } from '../../fakes/store.ts';

const change = (disk: Disk, transition: (state: StoreState) => StoreState) => storeOn(disk).change(transition);
const activate = (disk: Disk, ref: string) => change(disk, (state) => to.activated(state, ref, 'boot'));

async function stocked(...refs: string[]) {
  const disk = createCrashingDisk();
  for (const ref of refs) await install(disk, ref);
  return disk;
}

async function put(disk: Disk, path: string, text: string): Promise<void> {
  if ((await disk.kindOf(path)) !== null) await disk.unlink(path);
  const file = await disk.create(path);
  await file.write(Buffer.from(text));
  await file.sync();
}

const linkOf = async (disk: Disk, role: string) =>
  (await disk.kindOf(join(ROOT, role))) === null ? null : disk.readLink(join(ROOT, role));
const linksOf = (disk: Disk) => Promise.all(['active', 'previous', 'candidate'].map((role) => linkOf(disk, role)));
const refsOf = async (disk: Disk) => (await storeOn(disk).list()).map(({ ref }) => ref);

t.test(
  'a store that is not there yet is one in which the packaged model serves, and reading does not make it',
  async (t) => {
    const disk = createCrashingDisk();
    t.strictSame(await storeOn(disk).read(), to.initialState());
    t.strictSame([disk.calls.length, await refsOf(disk)], [0, ['packaged']]);
  },
);

t.test('a change is in the journal, and the links show it', async (t) => {
  const disk = await stocked('a@1', 'b@1');
  await activate(disk, 'a@1');
  t.strictSame(await linksOf(disk), ['a/1', PACKAGED_DIRECTORY, null]);
  const state = await change(disk, (s) =>
    to.withCandidate(s, { ref: 'b@1', mode: 'canary', share: 0.05, phase: 'running' }),
  );
  t.strictSame(await linksOf(disk), ['a/1', PACKAGED_DIRECTORY, 'b/1']);
  t.strictSame([state.generation, await storeOn(disk).read()], [2, state]);
});

t.test('a change to what is so already, or one that throws, writes nothing', async (t) => {
  const disk = await stocked('a@1');
  const state = await activate(disk, 'a@1');
  const journal = await disk.readFile(join(ROOT, 'journal.json'));
  t.strictSame(await activate(disk, 'a@1'), state);
  await t.rejects(activate(disk, 'z@9'), { code: 'MODEL_MISSING', message: /z@9 is not in the store.*model install/ });
  await t.rejects(activate(disk, '../../etc@1'), { code: 'USAGE' });
  await t.rejects(
    change(disk, (s) => to.withCandidate(s, { ref: 'z@9', mode: 'shadow', share: 0, phase: 'running' })),
    { code: 'MODEL_MISSING' },
  );
  t.strictSame(await disk.readFile(join(ROOT, 'journal.json')), journal);
});

t.test('an install tells where the model lies, and the list what there is', async (t) => {
  const disk = await stocked('a@1');
  const { verified, ...installed } = await install(disk, 'b@1');
  const bytes = Object.values(filesOf('b@1')).join('').length;
  const directory = join(ROOT, 'b/1');
  t.strictSame(installed, { ref: 'b@1', directory, bytes, alreadyThere: false, repaired: false });
  t.strictSame(verified, { name: 'b', version: '1' });
  await activate(disk, 'b@1');
  await change(disk, (state) => to.reverted(state, 'too slow', 'yesterday'));
  await disk.unlink(join(directory, 'golden.json'));
  t.strictSame(await storeOn(disk).list(), [
    {
      ref: 'packaged',
      directory: PACKAGED_DIRECTORY,
      bytes: null,
      order: 0,
      roles: ['active'],
      refused: null,
      missing: [],
    },
    { ref: 'a@1', directory: join(ROOT, 'a/1'), bytes, order: 1, roles: [], refused: null, missing: [] },
    {
      ref: 'b@1',
      directory,
      bytes,
      order: 2,
      roles: [],
      refused: { ref: 'b@1', why: 'too slow', at: 'yesterday' },
      missing: ['golden.json'],
    },
  ]);
});

t.test('the same model again is no error; damaged files of it are put back', async (t) => {
  const disk = await stocked('a@1');
  t.match(await install(disk, 'a@1'), { alreadyThere: true, repaired: false });
  await put(disk, join(ROOT, 'a/1/model.onnx'), 'rot');
  await put(disk, join(ROOT, 'a/1/stranger'), 'x');
  t.match(await install(disk, 'a@1'), { alreadyThere: true, repaired: true });
  t.equal(String(await disk.readFile(join(ROOT, 'a/1/model.onnx'))), filesOf('a@1')['model.onnx']);
  t.equal(await disk.kindOf(join(ROOT, 'a/1/stranger')), null);
});

t.test('another model of the same name and version is refused, and the one that is there stays', async (t) => {
  const disk = await stocked('a@1');
  const other = { ...filesOf('a@1'), 'model.onnx': 'other' };
  await t.rejects(install(disk, 'a@1', other), { code: 'MODEL_REFUSED', message: /never changes.*another version/ });
  t.equal(String(await disk.readFile(join(ROOT, 'a/1/model.onnx'))), filesOf('a@1')['model.onnx']);
  t.strictSame(
    (await disk.list(ROOT)).filter((name) => name.startsWith('.')),
    [],
  );
});

t.test('what verify refuses, or the source breaks off, or has a bad size, leaves nothing', async (t) => {
  const disk = await stocked();
  const options = optionsOn(disk);
  const untrusted = async () => {
    throw new SidecarError('MODEL_UNTRUSTED', 'not signed');
  };
  async function* broken() {
    yield* membersOf({ 'manifest.yaml': 'x' });
    throw new SidecarError('MODEL_INVALID', 'cut off');
  }
  async function* sized(size: number) {
    for await (const member of membersOf(filesOf('a@1'))) yield { ...member, size };
  }
  const store = storeOn(disk);
  const a = () => membersOf(filesOf('a@1'));
  await t.rejects(store.install(a(), { ...options, verify: untrusted }), { code: 'MODEL_UNTRUSTED' });
  await t.rejects(store.install(broken(), options), { code: 'MODEL_INVALID', message: 'cut off' });
  await t.rejects(store.install(sized(3), options), { code: 'MODEL_INVALID', message: /more than the 3 bytes/ });
  await t.rejects(store.install(sized(3000), options), { message: /\d+ bytes, fewer than the 3000 bytes/ });
  await t.rejects(store.install(a(), { ...options, maxBytes: 50 }), { code: 'MODEL_INVALID', message: /50 bytes/ });
  await t.rejects(store.install(membersOf({}), options), { code: 'MODEL_INVALID', message: /no files/ });
  await t.rejects(store.install(membersOf({ '../x': 'x' }), options), { code: 'MODEL_INVALID' });
  t.strictSame(await disk.list(ROOT), ['active'], 'but the link to the packaged one');
});

t.test('names that mean something else in the store are refused', async (t) => {
  const disk = await stocked();
  for (const name of ['active', 'previous', 'candidate', 'packaged', 'journal.json', '.x', '..', 'a/b', 'A', '']) {
    const options = { maxBytes: 1e6, verify: async () => ({ name, version: '1' }) };
    await t.rejects(storeOn(disk).install(membersOf(filesOf('a@1')), options), { code: 'MODEL_INVALID' }, name);
  }
  const options = { maxBytes: 1e6, verify: async () => ({ name: 'a', version: '../../x' }) };
  await t.rejects(storeOn(disk).install(membersOf(filesOf('a@1')), options), { code: 'MODEL_INVALID' });
  t.strictSame(await refsOf(disk), ['packaged']);
});

t.test(
  'a disk that would get too full is refused before anything is written, with the bytes that are needed',
  async (t) => {
    const disk = (await stocked()).after('nothing', { freeBytes: 9 << 20 });
    const options = { ...optionsOn(disk), expectedBytes: 2 << 20 };
    const message = /9437184 bytes are free; about 10485760 bytes are needed.*model gc/;
    await t.rejects(storeOn(disk).install(membersOf(filesOf('a@1')), options), { code: 'STORE_FAILED', message });
    t.notOk(disk.calls.some((call) => call.startsWith('create')));
    await storeOn(disk).install(membersOf(filesOf('a@1')), optionsOn(disk));
  },
);

t.test('what has a role is not removed, and the sentence says how to free it', async (t) => {
  const disk = await stocked('a@1', 'b@1', 'c@1');
  await activate(disk, 'a@1');
  await change(disk, to.confirmed);
  await activate(disk, 'b@1');
  await change(disk, (state) => to.withCandidate(state, { ref: 'c@1', mode: 'shadow', share: 0, phase: 'running' }));
  const store = storeOn(disk);
  await t.rejects(store.remove('b@1'), { code: 'CONFLICT', message: /active model: activate another/ });
  await t.rejects(store.remove('a@1'), { code: 'CONFLICT', message: /rollback goes back to/ });
  await t.rejects(store.remove('c@1'), { code: 'CONFLICT', message: /candidate --stop/ });
  await t.rejects(store.remove('packaged'), { code: 'CONFLICT', message: /came with the program/ });
  await t.rejects(store.remove('d@1'), { code: 'MODEL_MISSING' });
  await t.rejects(store.remove('../x@1'), { code: 'USAGE' });
  t.strictSame(await store.gc({ keep: 0 }), []);
  await change(disk, to.withoutCandidate);
  t.match(await store.remove('c@1'), { ref: 'c@1' });
  t.strictSame(await disk.kindOf(join(ROOT, 'c')), null);
});

t.test('gc keeps the latest installs, whatever a clock says or a version is called', async (t) => {
  const disk = await stocked('a@9', 'a@10', 'b@1', 'a@2');
  t.match(await storeOn(disk).gc({ keep: 2 }), [{ ref: 'a@9' }, { ref: 'a@10' }]);
  t.strictSame(await refsOf(disk), ['packaged', 'b@1', 'a@2']);
  t.strictSame(await storeOn(disk).gc({ keep: 2 }), []);
});

t.test('a directory that somebody copied there is listed, and the first that gc takes', async (t) => {
  const disk = await stocked('b@1');
  await disk.mkdir(join(ROOT, 'a'));
  await disk.mkdir(join(ROOT, 'a/1'));
  await put(disk, join(ROOT, 'a/1/.installed'), 'no JSON');
  await put(disk, join(ROOT, 'stray.txt'), 'x');
  t.match(await storeOn(disk).list(), [{}, { ref: 'a@1', bytes: null, order: 0 }, { ref: 'b@1' }]);
  t.strictSame(await storeOn(disk).gc({ keep: 1 }), [{ ref: 'a@1', bytes: null }]);
});

t.test('a journal that cannot be used: the links tell, a person is told, it is kept, no model goes', async (t) => {
  const journals = {
    torn: '{"format":1,"act',
    newer: '{"format":2}',
    other: '[]',
    wrong: '{"format":1,"active":"a@1"}',
    leadsOut: JSON.stringify({ ...to.initialState(), active: '../x@1' }),
    contradicts: JSON.stringify({ ...to.initialState(), probation: { ref: 'b@1', phase: 'waiting', boot: '' } }),
  };
  for (const [what, text] of Object.entries(journals)) {
    const disk = await stocked('a@1', 'b@1');
    await activate(disk, 'a@1');
    await change(disk, to.confirmed);
    await activate(disk, 'b@1');
    await put(disk, join(ROOT, 'journal.json'), text);
    const warnings: string[] = [];
    const state = await storeOn(disk, { warn: (sentence) => void warnings.push(sentence) }).read();
    t.match(state, { active: 'b@1', previous: 'a@1', probation: { ref: 'b@1', phase: 'waiting' } }, what);
    t.match(warnings, [/journal\.json cannot be used .*b@1 is active/]);
    t.equal(String(await disk.readFile(join(ROOT, 'journal.json.damaged'))), text);
    t.strictSame(await refsOf(disk), ['packaged', 'a@1', 'b@1']);
    t.strictSame(await storeOn(disk, { warn: (sentence) => t.fail(sentence) }).read(), state, 'and the next reads it');
  }
});

t.test('without a journal and with broken links the packaged model serves', async (t) => {
  const disk = await stocked('a@1');
  await activate(disk, 'a@1');
  await put(disk, join(ROOT, 'journal.json'), 'x');
  await disk.unlink(join(ROOT, 'active'));
  await disk.symlink('gone/1', join(ROOT, 'active'));
  t.match(await storeOn(disk).read(), { active: 'packaged', previous: null, probation: null });
  t.strictSame(await linksOf(disk), [PACKAGED_DIRECTORY, null, null]);
  t.strictSame(await refsOf(disk), ['packaged', 'a@1']);
});

t.test(
  'links that somebody changed are set right at the next open; a directory in their place is left alone',
  async (t) => {
    const disk = await stocked('a@1', 'b@1');
    await activate(disk, 'a@1');
    await disk.unlink(join(ROOT, 'active'));
    await disk.symlink('b/1', join(ROOT, 'active'));
    await put(disk, join(ROOT, 'previous'), 'a file');
    await disk.mkdir(join(ROOT, 'candidate'));
    await storeOn(disk).read();
    t.strictSame(await Promise.all(['active', 'previous'].map((role) => linkOf(disk, role))), [
      'a/1',
      PACKAGED_DIRECTORY,
    ]);
    t.equal(await disk.kindOf(join(ROOT, 'candidate')), 'directory');
  },
);

t.test('who cannot have the lock reads all the same, and changes nothing', async (t) => {
  const disk = await stocked('a@1');
  await activate(disk, 'a@1');
  await disk.unlink(join(ROOT, 'active'));
  for (const code of ['CONFLICT', 'STORE_FAILED'] as const) {
    const lock = async () => {
      throw new SidecarError(code, 'no');
    };
    const store = storeOn(disk, { lock });
    t.match(await store.read(), { active: 'a@1' });
    await t.rejects(store.change(to.confirmed), { code });
    await t.rejects(store.install(membersOf(filesOf('b@1')), optionsOn(disk)), { code });
  }
  t.equal(await linkOf(disk, 'active'), null);
  const broken = storeOn(disk, { lock: () => Promise.reject(new SidecarError('NATIVE_MISSING', 'no koffi')) });
  await t.rejects(broken.read(), { code: 'NATIVE_MISSING' });
});

t.test('the lock is held from the first look to the last sync, and given back after a failure', async (t) => {
  const disk = await stocked('a@1');
  const log: string[] = [];
  const lock = async () => {
    log.push(`locked at ${disk.calls.length > 0}`);
    return async () => void log.push('free');
  };
  const store = storeOn(disk, { lock });
  await store.read();
  await store.read();
  await store.change((state) => to.activated(state, 'a@1', 'boot'));
  await t.rejects(store.remove('a@1'));
  t.strictSame(log, ['locked at true', 'free', 'locked at true', 'free', 'locked at true', 'free']);
});

t.test(
  "an install has its own lock throughout, and the store's neither while it receives nor while it proves",
  async (t) => {
    const disk = createCrashingDisk();
    const log: string[] = [];
    const logged = (name: string) => async () => {
      log.push(`${name} taken`);
      return async () => void log.push(`${name} free`);
    };
    const store = storeOn(disk, { lock: logged('store'), installLock: logged('install') });
    const { verify, ...options } = optionsOn(disk);
    const loggedVerify = (directory: string) => {
      log.push('verify');
      return verify(directory);
    };
    await store.install(membersOf(filesOf('a@1')), { ...options, verify: loggedVerify });
    const recovery = ['store taken', 'store free'];
    t.strictSame(log, ['install taken', ...recovery, 'verify', ...recovery, 'install free']);
  },
);

t.test('what somebody puts in the place of a model while it is proved is found, and stays', async (t) => {
  const disk = await stocked();
  const { verify, ...options } = optionsOn(disk);
  const meanwhile = async (directory: string) => {
    for (const path of ['a', 'a/1']) await disk.mkdir(join(ROOT, path));
    await put(disk, join(ROOT, 'a/1/model.onnx'), 'other');
    return verify(directory);
  };
  const installing = storeOn(disk).install(membersOf(filesOf('a@1')), { ...options, verify: meanwhile });
  await t.rejects(installing, { code: 'MODEL_REFUSED', message: /with other files/ });
  t.strictSame(await disk.list(join(ROOT, 'a/1')), ['model.onnx']);
});

t.test('what is staged is left alone while its install lives, and goes with the next look after it died', async (t) => {
  const disk = await stocked('a@1');
  await disk.mkdir(join(ROOT, '.staging-1'));
  await put(disk, join(ROOT, '.staging-1/manifest.yaml'), 'x');
  for (const code of ['CONFLICT', 'STORE_FAILED'] as const) {
    const installLock = () => Promise.reject(new SidecarError(code, 'no'));
    await storeOn(disk, { installLock }).change((state) => to.activated(state, 'a@1', 'boot'));
    t.equal(await disk.kindOf(join(ROOT, '.staging-1')), 'directory', code);
  }
  await storeOn(disk).read();
  t.equal(await disk.kindOf(join(ROOT, '.staging-1')), null);
});

t.test('where a model lies', async (t) => {
  const store = storeOn(createCrashingDisk());
  t.strictSame([store.directoryOf('packaged'), store.directoryOf('a@1')], [PACKAGED_DIRECTORY, `${ROOT}/a/1`]);
  for (const ref of ['a', '@', 'a@', 'a@1@2', '../x@1', 'active@1'])
    t.throws(() => store.directoryOf(ref), { code: 'USAGE' });
});
