import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { asOwnerOf, type Entry, firstOther, type Identity, type Owner } from '../../src/system/store-owner.ts';

const ROOT = { uid: 0, gid: 0, target: null };
const SERVICE = { uid: 990, gid: 980 };
const tree: Readonly<Record<string, Entry>> = {
  '/var': ROOT,
  '/var/state': { ...SERVICE, target: null },
  '/var/state/models': ROOT,
  '/var/linked': { ...ROOT, target: '/var/state/models' },
  '/var/own': { ...ROOT, target: '/data' },
  '/data': ROOT,
  '/data/models': { ...SERVICE, target: null },
  '/var/planted': { ...SERVICE, target: '/data' },
};
const lookAt = (path: string) => tree[path] ?? null;

t.test('the owner is the first one but root on the way, also through links, and also of a link', async (t) => {
  const ways = ['/var', '/var/state/models/x', '/var/linked/x', '/var/own/models', '/var/planted', '/var/none/x', '/'];
  const found = Object.fromEntries(ways.map((path) => [path, firstOther(path, lookAt)]));
  t.strictSame(found, {
    '/var': null,
    '/var/state/models/x': SERVICE,
    '/var/linked/x': SERVICE,
    '/var/own/models': SERVICE,
    '/var/planted': SERVICE,
    '/var/none/x': null,
    '/': null,
  });
});

function identity(isRoot: boolean) {
  const log: [Owner, readonly number[]][] = [];
  const fake: Identity = { isRoot: () => isRoot, groups: () => [0, 4], become: (...as) => void log.push(as) };
  return { log, fake };
}

const work = async () => 'done';
const broken = async () => {
  throw new Error('no');
};

t.test('for others than root nothing changes', async (t) => {
  const { log, fake } = identity(false);
  t.strictSame([await asOwnerOf('/', work, fake), log], ['done', []]);
});

t.test('root below its own directories stays root', async (t) => {
  const { log, fake } = identity(true);
  t.strictSame([await asOwnerOf('/', work, fake), log], ['done', []]);
});

const skip = process.geteuid?.() === 0 ? false : 'only root can become somebody else';
t.test('root becomes the owner, and is root again after a failure too', { skip }, async (t) => {
  const place = foreignDirectory(t);
  const { log, fake } = identity(true);
  await t.rejects(asOwnerOf(join(place, 'models'), broken, fake), { message: 'no' });
  const owner = { uid: 12345, gid: 12346 };
  t.strictSame(log, [
    [owner, [12346]],
    [{ uid: 0, gid: 0 }, [0, 4]],
  ]);
});

/** Somebody else's directory with a link in it to a file of root. */
function foreignDirectory(t: { teardown(end: () => void): void }): string {
  const place = mkdtempSync(join(tmpdir(), 'owner-'));
  t.teardown(() => rmSync(place, { recursive: true }));
  chmodSync(place, 0o755);
  mkdirSync(join(place, 'state'));
  chownSync(join(place, 'state'), 12345, 12346);
  return join(place, 'state');
}

t.test(
  'files that root makes there belong to the owner, and a planted link leads root nowhere',
  { skip },
  async (t) => {
    const place = foreignDirectory(t);
    const target = join(place, '..', 'secret');
    writeFileSync(target, 'untouched', { mode: 0o644 });
    symlinkSync(target, join(place, 'planted'));
    const module = JSON.stringify(new URL('../../src/system/store-owner.ts', import.meta.url).href);
    const script = `const { asOwnerOf } = await import(${module});
    const { writeFile, readFile } = await import('node:fs/promises');
    const place = ${JSON.stringify(place)};
    const outcome = await asOwnerOf(place + '/models', async () => {
      await writeFile(place + '/made', 'x');
      console.log(process.geteuid(), process.getegid(), process.getgroups().join());
      return writeFile(place + '/planted', 'x').then(() => 'written', ({ code }) => code);
    });
    console.log(outcome, process.geteuid(), process.getegid(), process.getgroups().join());`;
    const groups = process.getgroups?.().join();
    t.equal(
      execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }),
      `12345 12346 12346\nEACCES 0 0 ${groups}\n`,
    );
    const { uid, gid } = statSync(join(place, 'made'));
    t.strictSame([uid, gid], [12345, 12346]);
  },
);
