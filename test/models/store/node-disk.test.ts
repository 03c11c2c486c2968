import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { nodeDisk } from '../../../src/models/store/node-disk.ts';
import { activated, confirmed, started } from '../../../src/models/store/store-transitions.ts';
import { filesOf, membersOf, optionsOn } from '../../fakes/store.ts';
import { openRealStore } from '../../fakes/store-operations.ts';

t.test('each call does what the store relies upon', async (t) => {
  const root = t.testdir({ file: 'x', directory: { inner: '' } });
  symlinkSync('file', join(root, 'link'));
  const at = (name: string) => join(root, name);
  const kinds = ['file', 'directory', 'link', 'none', 'file/below'].map((name) => nodeDisk.kindOf(at(name)));
  t.strictSame(await Promise.all([...kinds, nodeDisk.kindOf('/dev/null')]), [
    'file',
    'directory',
    'link',
    null,
    null,
    'other',
  ]);
  t.strictSame(await Promise.all(['directory', 'none', 'file/below'].map((name) => nodeDisk.list(at(name)))), [
    ['inner'],
    [],
    [],
  ]);
  await t.rejects(nodeDisk.mkdir(at('directory')), { code: 'EEXIST' });
  await t.rejects(nodeDisk.create(at('link')), { code: 'EEXIST' });
  await t.rejects(nodeDisk.readFile(at('none')), { code: 'ENOENT' });
  await t.rejects(nodeDisk.rmdir(at('directory')), { code: 'ENOTEMPTY' });
  await nodeDisk.mkdir(at('made'));
  await nodeDisk.rmdir(at('made'));
  const file = await nodeDisk.create(at('new'));
  for (const part of ['ab', 'cd']) await file.write(Buffer.from(part));
  await file.sync();
  await file.close();
  await nodeDisk.rename(at('new'), at('link'));
  await nodeDisk.syncDirectory(root);
  t.equal(String(await nodeDisk.readFile(at('link'))), 'abcd');
  t.equal(readFileSync(at('file'), 'utf8'), 'x');
  await nodeDisk.symlink('a/b', at('other'));
  t.equal(await nodeDisk.readLink(at('other')), 'a/b');
  await nodeDisk.unlink(at('other'));
  t.ok((await nodeDisk.freeBytes(root)) > 0);
});

t.test('everybody may read what it makes, whatever umask the service or an administrator has', async (t) => {
  const root = t.testdir();
  const umask = process.umask(0o077);
  t.teardown(() => process.umask(umask));
  const file = await nodeDisk.create(join(root, 'file'));
  await file.close();
  await nodeDisk.mkdir(join(root, 'directory'));
  const modeOf = (name: string) => (statSync(join(root, name)).mode & 0o777).toString(8);
  t.strictSame(['file', 'directory'].map(modeOf), ['644', '755']);
});

const skip = canMount();
function canMount(): string | false {
  const place = mkdtempSync(join(tmpdir(), 'mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', place], { stdio: 'ignore' });
    execFileSync('umount', [place], { stdio: 'ignore' });
    return false;
  } catch {
    return 'this user may not mount a small file system';
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

t.test('on a real disk that is full nothing stays, and the model before it serves on', { skip }, async (t) => {
  const place = mkdtempSync(join(tmpdir(), 'full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'none', place]);
  t.teardown(() => {
    execFileSync('umount', [place]);
    rmSync(place, { recursive: true });
  });
  const root = join(place, 'models');
  const store = openRealStore(root);
  await store.install(membersOf(filesOf('a@1')), optionsOn(null));
  const state = await store.change((now) => confirmed(activated(now, 'a@1', 'boot')));
  const big = { 'manifest.yaml': JSON.stringify({ name: 'b', version: '1' }), 'model.onnx': 'x'.repeat(5 << 20) };
  const options = { ...optionsOn(null), maxBytes: 1 << 30 };
  await t.rejects(store.install(membersOf(big), options), {
    code: 'STORE_FAILED',
    message: /bytes are free; about 13631488/,
  });
  writeFileSync(join(place, 'filler'), Buffer.alloc(3 << 20));
  const blind = openRealStore(root, undefined, { ...nodeDisk, freeBytes: async () => 1e12 });
  await t.rejects(blind.install(membersOf({ ...big, 'b.onnx': 'x'.repeat(8 << 20) }), options), {
    code: 'STORE_FAILED',
    message: /model\.onnx|b\.onnx.*the disk is full; about \d{8} bytes are needed.*model gc/,
  });
  t.strictSame(readdirSync(root).sort(), ['.install', '.lock', 'a', 'active', 'journal.json', 'previous']);
  t.strictSame(await openRealStore(root, (sentence) => t.fail(sentence)).read(), state);
  const left = Number(statSync(join(place, 'filler')).size);
  t.equal(left, 3 << 20);
});

const DRIVER = new URL('../../fakes/store-driver.ts', import.meta.url).pathname;

/** An operation of test/fakes/store-operations.ts in a process of its own. */
async function inProcess(operation: string, root: string): Promise<string> {
  const child = spawn(process.execPath, [DRIVER, operation, root], { stdio: ['ignore', 'ignore', 'pipe'] });
  return text(child.stderr);
}

t.test('installs, changes and removals of several processes at once all happen, one after the other', async (t) => {
  const root = join(t.testdir({}), 'models');
  const first = await Promise.all(['install', 'install', 'install another'].map((name) => inProcess(name, root)));
  t.strictSame(first, ['', '', '']);
  await inProcess('activate', root);
  const second = await Promise.all(['confirm', 'set a candidate', 'remove'].map((name) => inProcess(name, root)));
  const store = openRealStore(root, (sentence) => t.fail(sentence));
  const state = await store.read();
  const refs = (await store.list()).map(({ ref }) => ref);
  t.match(state, { active: 'tcn@1', probation: null });
  t.equal(state.candidate?.ref === 'tcn@2', refs.includes('tcn@2'), 'the removal or the candidate was first');
  t.strictSame(
    second.filter((said) => said !== '' && !/MODEL_MISSING|CONFLICT/.test(said)),
    [],
  );
  t.strictSame(
    readdirSync(root).filter((name) => /^\.(?!lock$|install$)/.test(name)),
    [],
  );
});

/** A process whose install is stuck between staging and its place, as one that was stopped by ^Z is. */
async function stuckInVerify(root: string) {
  const child = spawn(process.execPath, [DRIVER, 'stuck in verify', root], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

t.test(
  'while an install proves its model, the journal changes at once; what it staged stays, until it dies',
  async (t) => {
    const root = join(t.testdir({}), 'models');
    await inProcess('install', root);
    const child = await stuckInVerify(root);
    t.teardown(() => child.kill('SIGKILL'));
    const staged = () => readdirSync(root).filter((name) => name.startsWith('.staging-'));
    const impatient = openRealStore(root, (sentence) => t.fail(sentence), nodeDisk, 0);
    t.match(await impatient.change((now) => started(activated(now, 'tcn@1', 'boot'), 'boot')), { active: 'tcn@1' });
    t.match(await impatient.change(confirmed), { probation: null });
    t.equal(staged().length, 1);
    const another = impatient.install(membersOf(filesOf('a@1')), optionsOn(null));
    await t.rejects(another, { code: 'CONFLICT', message: /\.install is locked by another process/ });
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
    t.match(await openRealStore(root).read(), { active: 'tcn@1', probation: null });
    t.strictSame(staged(), []);
  },
);

t.test('a clock that is set back changes nothing: what is newest is what was installed last', async (t) => {
  const root = join(t.testdir({}), 'models');
  const store = openRealStore(root);
  for (const ref of ['a@1', 'b@1']) await store.install(membersOf(filesOf(ref)), optionsOn(null));
  execFileSync('touch', ['-d', '1999-01-01', join(root, 'b/1'), join(root, 'b/1/.installed')]);
  t.match(await store.gc({ keep: 1 }), [{ ref: 'a@1' }]);
});

t.test('what lies in the store is what came', async (t) => {
  const root = join(t.testdir({}), 'models');
  await openRealStore(root).install(membersOf(filesOf('a@1')), optionsOn(null));
  const record = JSON.parse(readFileSync(join(root, 'a/1/.installed'), 'utf8'));
  for (const [name, content] of Object.entries(filesOf('a@1'))) {
    t.equal(readFileSync(join(root, 'a/1', name), 'utf8'), content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    t.strictSame(record.files[name], { bytes: content.length, sha256 });
  }
  t.ok(lstatSync(join(root, 'active')).isSymbolicLink());
  mkdirSync(join(root, '.staging-other'));
  await openRealStore(root).read();
  t.notOk(readdirSync(root).includes('.staging-other'));
});
