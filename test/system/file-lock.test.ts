import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { lockFile } from '../../src/system/file-lock.ts';

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
