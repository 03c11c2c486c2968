import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { FileSet } from '../../src/system/embedded.ts';
import { cacheRoot, ensureCached } from '../../src/system/native-cache.ts';

const DAY_MS = 24 * 3600 * 1000;
const KEY = 'a'.repeat(32);

/** A set of the given contents that remembers which files were read from it. */
function fileSet(contents: Record<string, string>, key = KEY) {
  const reads: string[] = [];
  const digest = (text: string) => createHash('sha256').update(text).digest('hex');
  const set: FileSet = {
    key,
    digests: Object.fromEntries(Object.entries(contents).map(([file, text]) => [file, digest(text)])),
    read(file) {
      reads.push(file);
      return Buffer.from(contents[file] ?? '');
    },
  };
  return { set, reads };
}

t.test('the place is $CACHE_DIRECTORY, else $XDG_CACHE_HOME, else ~/.cache', async (t) => {
  const home = () => '/home/u';
  t.equal(cacheRoot({ CACHE_DIRECTORY: '/c', XDG_CACHE_HOME: '/x' }, home), '/c/hailo-tcn-sidecar');
  t.equal(cacheRoot({ CACHE_DIRECTORY: '/c:/d' }, home), '/c/hailo-tcn-sidecar', 'the first of several');
  t.equal(cacheRoot({ XDG_CACHE_HOME: '/x' }, home), '/x/hailo-tcn-sidecar');
  t.equal(cacheRoot({ CACHE_DIRECTORY: '', XDG_CACHE_HOME: 'relative' }, home), '/home/u/.cache/hailo-tcn-sidecar');
});

t.test('a user without a home is told to name a place', async (t) => {
  const home = () => {
    throw new Error('no entry in /etc/passwd');
  };
  t.throws(() => cacheRoot({}, home), { code: 'NATIVE_MISSING', message: /no home directory: set CACHE_DIRECTORY/ });
});

t.test('only what is asked for is unpacked, for this user alone', async (t) => {
  const root = join(t.testdir(), 'cache', 'product');
  const { set, reads } = fileSet({ a: 'one', b: 'two' });
  const directory = ensureCached(root, set, ['a']);
  t.equal(directory, join(root, KEY));
  t.strictSame(readdirSync(directory), ['a']);
  t.equal(readFileSync(join(directory, 'a'), 'utf8'), 'one');
  t.strictSame(reads, ['a']);
  t.equal(lstatSync(directory).mode & 0o777, 0o700);
});

t.test('a second start reads the files, and writes none', async (t) => {
  const root = join(t.testdir(), 'product');
  const { set, reads } = fileSet({ a: 'one' });
  ensureCached(root, set, ['a']);
  ensureCached(root, set, ['a']);
  t.strictSame(reads, ['a']);
});

t.test('a file that was changed, and one that is a link, are written anew', async (t) => {
  const root = join(t.testdir({ elsewhere: 'one' }), 'product');
  const { set } = fileSet({ a: 'one', b: 'one' });
  const directory = ensureCached(root, set, ['a']);
  writeFileSync(join(directory, 'a'), 'evil');
  symlinkSync(join(root, '..', 'elsewhere'), join(directory, 'b'));
  ensureCached(root, set, ['a', 'b']);
  t.equal(readFileSync(join(directory, 'a'), 'utf8'), 'one');
  t.ok(lstatSync(join(directory, 'b')).isFile());
});

t.test('a directory that others may write, or that is a link, is refused with the remedy', async (t) => {
  const base = t.testdir({ target: {} });
  const open = join(base, 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  symlinkSync(join(base, 'target'), join(base, 'link'));
  for (const root of [open, join(base, 'link')]) {
    t.throws(() => ensureCached(root, fileSet({ a: 'one' }).set, ['a']), {
      code: 'NATIVE_MISSING',
      message: /others could change it.*CACHE_DIRECTORY/,
    });
  }
});

t.test(
  'a directory of another user is refused',
  { skip: process.getuid?.() !== 0 && 'only root can give one away' },
  async (t) => {
    const { chownSync } = await import('node:fs');
    const root = join(t.testdir(), 'product');
    mkdirSync(root);
    chownSync(root, 65534, 65534);
    t.throws(() => ensureCached(root, fileSet({ a: 'one' }).set, ['a']), { code: 'NATIVE_MISSING' });
  },
);

t.test('a place that cannot be written is named with cause and remedy', async (t) => {
  const below = join(t.testdir({ file: '' }), 'file', 'product');
  for (const [root, cause] of [
    [below, 'ENOTDIR'],
    ['/proc/none/product', 'ENOENT'],
  ] as const) {
    t.throws(() => ensureCached(root, fileSet({ a: 'one' }).set, ['a']), {
      code: 'NATIVE_MISSING',
      message: new RegExp(`unpacks parts of itself into .*, but cannot \\(${cause}.*\\): set CACHE_DIRECTORY`),
    });
  }
});

t.test('a write that fails leaves nothing behind', async (t) => {
  const root = join(t.testdir(), 'product');
  const set: FileSet = {
    key: KEY,
    digests: { a: 'x' },
    read: () => {
      throw new Error('no such asset');
    },
  };
  t.throws(() => ensureCached(root, set, ['a']), { code: 'NATIVE_MISSING', message: /no such asset/ });
  mkdirSync(join(root, KEY, 'a'));
  t.throws(() => ensureCached(root, fileSet({ a: 'one' }).set, ['a']), { code: 'NATIVE_MISSING' });
  t.strictSame(readdirSync(join(root, KEY)), ['a']);
});

t.test('what no start used for a week is removed, what is in use or not ours stays', async (t) => {
  const root = join(t.testdir(), 'product');
  const now = Date.now();
  const days = (path: string, age: number) => utimesSync(path, now / 1000, (now - age * DAY_MS) / 1000);
  const [old, recent] = ['b'.repeat(32), 'c'.repeat(32)];
  for (const [name, age] of [
    [old, 8],
    [recent, 6],
    ['foreign', 99],
  ] as const) {
    mkdirSync(join(root, name), { recursive: true, mode: 0o700 });
    writeFileSync(join(root, name, 'uws.node'), '');
    days(join(root, name), age);
  }
  ensureCached(root, fileSet({ a: 'one' }).set, ['a'], now);
  t.strictSame(readdirSync(root).sort(), [KEY, recent, 'foreign'].sort());
  const part = join(root, KEY, 'a.1.tmp');
  writeFileSync(part, '');
  days(part, 8);
  days(join(root, KEY), 30);
  ensureCached(root, fileSet({ a: 'one' }).set, ['a'], now);
  t.notOk(existsSync(part), 'nor does a killed start leave its half file for ever');
  t.ok(now - lstatSync(join(root, KEY)).mtimeMs < DAY_MS, 'a start marks its directory as used');
});
