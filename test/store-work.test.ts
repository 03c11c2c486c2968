import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { SidecarError } from '../src/core/errors.ts';
import { places, unpackForAll, workAsOwner } from '../src/store-work.ts';

const noexec = (directory: string) =>
  new SidecarError('NATIVE_MISSING', `${directory} does not allow execution (mounted noexec).`);

t.test(
  'where the first place allows no execution, or is not there, the next one is taken; everybody may read it',
  async (t) => {
    const root = t.testdir({ first: {}, second: {} });
    const [none, first, second] = ['none', 'first', 'second'].map((name) => join(root, name)) as [
      string,
      string,
      string,
    ];
    const tried: string[] = [];
    const scratch = unpackForAll([none, first, second], (directory) => {
      tried.push(directory);
      writeFileSync(join(directory, 'koffi.node'), 'x', { mode: 0o600 });
      if (directory.startsWith(first)) throw noexec(directory);
    });
    t.equal(tried.length, 2);
    t.ok(scratch.path.startsWith(second));
    t.strictSame(readdirSync(first), [], 'nothing stays where it did not work');
    const modes = [scratch.path, join(scratch.path, 'koffi.node')].map((path) => statSync(path).mode & 0o777);
    t.strictSame(modes, [0o755, 0o644]);
    scratch.remove();
    t.strictSame(readdirSync(second), []);
  },
);

t.test('where none works, the sentence says what was tried, and what to set', async (t) => {
  const root = t.testdir({ first: {} });
  const load = (directory: string) => {
    throw noexec(directory);
  };
  t.throws(() => unpackForAll([join(root, 'first'), join(root, 'none')], load), {
    code: 'NATIVE_MISSING',
    message: /CACHE_DIRECTORY.*Tried: .*first: .*noexec.*none: ENOENT/,
  });
  t.strictSame(readdirSync(join(root, 'first')), []);
});

const skip = process.geteuid?.() === 0 ? false : 'the directory must be of root';
t.test('$CACHE_DIRECTORY comes first where everybody gets through, and nobody can exchange it', { skip }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'cache-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const defaults = ['/tmp', '/var/tmp'];
  const inMode = (mode: number) => {
    chmodSync(directory, mode);
    return places(directory);
  };
  t.strictSame(places(undefined), defaults);
  t.strictSame(places('relative'), defaults);
  t.strictSame(places(`${directory}/none`), defaults);
  t.strictSame(inMode(0o700), defaults);
  t.strictSame(inMode(0o777), defaults);
  t.strictSame(inMode(0o755), [directory, ...defaults]);
  t.strictSame(inMode(0o1777), [directory, ...defaults]);
  t.strictSame(places(`${directory}:/other`), [directory, ...defaults]);
});

t.test("a lock of root's in another's store is given to that one before root becomes it", { skip }, async (t) => {
  const store = mkdtempSync(join(tmpdir(), 'store-'));
  t.teardown(() => rmSync(store, { recursive: true }));
  for (const name of ['.lock', '.install', '.daemon', 'journal.json']) writeFileSync(join(store, name), '');
  chownSync(store, 12345, 12346);
  t.equal(await workAsOwner(store, async () => process.geteuid?.()), 12345);
  const owners = readdirSync(store).map((name) => [name, statSync(join(store, name)).uid]);
  const given = { '.lock': 12345, '.install': 12345, '.daemon': 12345, 'journal.json': 0 };
  t.strictSame(Object.fromEntries(owners), given);
});
