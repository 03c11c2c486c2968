import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import t from 'tap';
import { makeScratch } from '../src/scratch.ts';

t.test("a directory of one's own that goes when it is not needed any more", async (t) => {
  const parent = t.testdir({});
  const before = process.listenerCount('SIGINT');
  const { path, remove } = makeScratch(parent, 'x-');
  t.match([dirname(path), basename(path), statSync(path).mode & 0o777], [parent, /^x-/, 0o700]);
  remove();
  remove();
  t.strictSame([readdirSync(parent), process.listenerCount('SIGINT')], [[], before]);
});

const MODULE = JSON.stringify(new URL('../src/scratch.ts', import.meta.url).href);

/** A process with a directory, as `identity` from then on; how it ended, and whether the directory is gone. */
async function ended(parent: string, how: NodeJS.Signals | 'exit', identity = '') {
  const script = `const { makeScratch } = await import(${MODULE});
    const { writeFileSync } = await import('node:fs');
    const { path } = makeScratch(${JSON.stringify(parent)}, 'x-');
    makeScratch(${JSON.stringify(parent)}, 'y-');
    writeFileSync(path + '/file', 'x');
    ${identity}
    console.log(path);
    process.stdin.on('data', () => process.exit(7));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const path = String((await once(child.stdout, 'data'))[0]).trim();
  const wasThere = existsSync(`${path}/file`);
  const closed = once(child, 'close');
  if (how === 'exit') child.stdin.write('x');
  else child.kill(how);
  const [status, signal] = await closed;
  return { wasThere, left: readdirSync(parent), status, signal };
}

t.test('it also goes when the process is interrupted, which ends as it would without it', async (t) => {
  const parent = t.testdir({});
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    t.strictSame(await ended(parent, signal), { wasThere: true, left: [], status: null, signal });
  }
  t.strictSame(await ended(parent, 'exit'), { wasThere: true, left: [], status: 7, signal: null });
});

const skip = process.geteuid?.() === 0 ? false : 'only root can become somebody else';
t.test('and while root is somebody else', { skip }, async (t) => {
  const identity = 'process.seteuid(12345);';
  t.match(await ended(t.testdir({}), 'SIGINT', identity), { wasThere: true, left: [], signal: 'SIGINT' });
});
