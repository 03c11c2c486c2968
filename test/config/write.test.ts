import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { writeAtomically } from '../../src/config/write.ts';

t.test('a file is made or replaced, readable for all whatever the umask, and nothing else is left', async (t) => {
  const directory = t.testdir({ 'old.json': 'old' });
  const umask = process.umask(0o077);
  t.teardown(() => process.umask(umask));
  for (const name of ['old.json', 'new.json']) {
    writeAtomically(join(directory, name), 'text');
    t.equal(readFileSync(join(directory, name), 'utf8'), 'text');
    t.equal(statSync(join(directory, name)).mode & 0o777, 0o644);
  }
  t.same(readdirSync(directory).toSorted(), ['new.json', 'old.json']);
});

t.test('a reader that has the old file open keeps the old text', async (t) => {
  const path = join(t.testdir({ 'a.json': 'old' }), 'a.json');
  const { ino } = statSync(path);
  writeAtomically(path, 'new');
  t.not(statSync(path).ino, ino, 'it was replaced, not overwritten');
});

t.test('a symbolic link stays and its target is replaced, also when the target is not there yet', async (t) => {
  const directory = t.testdir({ 'real.json': 'old' });
  for (const target of ['real.json', 'later.json']) {
    const link = join(directory, `link-to-${target}`);
    symlinkSync(target, link);
    writeAtomically(link, 'new');
    t.ok(lstatSync(link).isSymbolicLink());
    t.equal(readFileSync(join(directory, target), 'utf8'), 'new');
  }
});

t.test('a write that fails says why and leaves everything as it was', async (t) => {
  const directory = t.testdir({});
  t.throws(() => writeAtomically(join(directory, 'none', 'a.json'), 'x'), {
    code: 'UNAVAILABLE',
    message: /none\/a\.json cannot be written: .*\. Create its directory first\.$/,
  });
  mkdirSync(join(directory, 'a.json'));
  t.throws(() => writeAtomically(join(directory, 'a.json'), 'x'), { message: /choose another one with --out/ });
  t.same(readdirSync(directory), ['a.json']);
});
