import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { lockFile, repairLock } from '../../src/system/file-lock.ts';

const MODULE = JSON.stringify(new URL('../../src/system/file-lock.ts', import.meta.url).href);

/** A process that has the lock until it is killed. */
async function holder(path: string) {
  const script = `const { lockFile } = await import(${MODULE});
    await lockFile(${JSON.stringify(path)}, { what: 'model install' })();
    console.log('locked');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

t.test('one process has it, the others are told which; when it is killed the next one gets it', async (t) => {
  const path = join(t.testdir({}), '.lock');
  const child = await holder(path);
  t.teardown(() => child.kill('SIGKILL'));
  const lock = lockFile(path, { what: 'model gc', waitMs: 0 });
  await t.rejects(lock(), {
    code: 'CONFLICT',
    message: `${path} is locked by another process (model install, process ${child.pid}): wait until it has ended, and try again.`,
  });
  const waiting = lock(20_000);
  child.kill('SIGKILL');
  const release = await waiting;
  await release();
  t.equal(statSync(path).mode & 0o777, 0o600);
});

t.test('within a process one after the other has it', async (t) => {
  const lock = lockFile(join(t.testdir({}), '.lock'), { what: 'a test' });
  const log: string[] = [];
  const first = await lock();
  const second = lock().then((release) => {
    log.push('second');
    return release();
  });
  log.push('first');
  await first();
  await second;
  t.strictSame(log, ['first', 'second']);
});

t.test('a file that cannot be opened is an error that says what to do; a link is not followed', async (t) => {
  const directory = t.testdir({});
  mkdirSync(join(directory, 'd'));
  symlinkSync('/dev/null', join(directory, 'link'));
  for (const name of ['missing/.lock', 'd', 'link']) {
    await t.rejects(lockFile(join(directory, name), { what: 'x' })(0), { code: 'STORE_FAILED', message: /sudo/ }, name);
  }
});

t.test('without koffi it says so', async (t) => {
  const importKoffi = () => Promise.reject(new Error('no such module'));
  const lock = lockFile(join(t.testdir({}), '.lock'), { what: 'x', importKoffi });
  await t.rejects(lock(), { code: 'NATIVE_MISSING', message: /koffi.*no such module/ });
});

const skip = process.geteuid?.() === 0 ? false : 'only root has the files of others';
const SERVICE = 12345;
/** Its files may be for root alone. */
const koffi = await import('koffi');

/** A directory of the service. */
function foreignDirectory(t: { teardown(end: () => void): void }): string {
  const place = mkdtempSync(join(tmpdir(), 'lock-'));
  t.teardown(() => rmSync(place, { recursive: true }));
  chmodSync(place, 0o755);
  chownSync(place, SERVICE, 12346);
  return place;
}

const ownerOf = (path: string) => {
  const { uid, gid, mode } = statSync(path);
  return [uid, gid, mode & 0o777];
};

/** What another user comes to. */
async function lockAs(uid: number, path: string): Promise<string> {
  const lock = lockFile(path, { what: 'x', importKoffi: async () => koffi });
  process.seteuid?.(uid);
  try {
    return await lock(0).then(
      async (release) => {
        await release();
        return 'locked';
      },
      ({ code, message }) => `${code}: ${message}`,
    );
  } finally {
    process.seteuid?.(0);
  }
}

t.test(
  'a file that root makes belongs to the owner of its directory, who can lock it afterwards',
  { skip },
  async (t) => {
    const path = join(foreignDirectory(t), '.daemon');
    await (await lockFile(path, { what: 'a daemon' })())();
    t.strictSame(ownerOf(path), [SERVICE, 12346, 0o600]);
    t.equal(await lockAs(SERVICE, path), 'locked');
  },
);

t.test(
  'who may not open the file is told whose it is, and what to do; that it is held is another sentence',
  { skip },
  async (t) => {
    const place = foreignDirectory(t);
    const path = join(place, '.daemon');
    writeFileSync(path, '', { mode: 0o600 });
    t.equal(
      await lockAs(SERVICE, path),
      `STORE_FAILED: ${path} belongs to root, so this user cannot lock it: delete it, or "sudo chown 12345:12346 ${path}".`,
    );
    chownSync(path, SERVICE, 12346);
    t.match(await lockAs(4711, path), /^STORE_FAILED: .*belongs to the user 12345.*use sudo, or that account/);
  },
);

t.test("one that was root's is given to the owner when root comes along", { skip }, async (t) => {
  const path = join(foreignDirectory(t), '.daemon');
  writeFileSync(path, '', { mode: 0o600 });
  await (await lockFile(path, { what: 'a daemon' })())();
  t.strictSame(ownerOf(path), [SERVICE, 12346, 0o600]);
  chownSync(path, 0, 0);
  repairLock(path);
  t.strictSame(ownerOf(path), [SERVICE, 12346, 0o600], 'also without locking it');
  repairLock(`${path}-none`);
  t.throws(() => statSync(`${path}-none`), { code: 'ENOENT' });
});

t.test('root neither gives away nor writes to a file that has another name too', { skip }, async (t) => {
  const place = foreignDirectory(t);
  const secret = join(t.testdir({ secret: 'untouched' }), 'secret');
  linkSync(secret, join(place, '.lock'));
  await t.rejects(lockFile(join(place, '.lock'), { what: 'x' })(0), { code: 'STORE_FAILED', message: /another name/ });
  t.strictSame([readFileSync(secret, 'utf8'), statSync(secret).uid], ['untouched', 0]);
});
