import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { freePort, ROOT, untilHealthy } from '../e2e/launch.ts';

/** Starts a command in the project's root; `ended` tells how it ended and what it said. */
function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { PATH: '/usr/bin:/bin', HOME: '/nonexistent', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = new Promise<[number | null, string | null]>((resolve) => {
    child.once('close', (status, signal) => resolve([status, signal]));
  });
  const ended = Promise.all([closed, text(child.stdout), text(child.stderr)]).then(
    ([[status, signal], stdout, stderr]) => ({ status, signal, stdout, stderr }),
  );
  return { child, ended };
}

const node24 = join(ROOT, 'scripts', 'node24');

t.test('scripts/node24 runs a command on Node 24, whatever Node is on PATH', async (t) => {
  const { status, stdout } = await run(node24, ['node', '-p', 'process.version']).ended;
  t.equal(status, 0);
  t.match(stdout, /^v24\./);
});

t.test('scripts/node24 says what to do where Node 24 is not installed', async (t) => {
  const root = t.testdir({ scripts: {} });
  mkdirSync(join(root, 'node_modules'));
  copyFileSync(node24, join(root, 'scripts', 'node24'));
  const { status, stdout, stderr } = await run(join(root, 'scripts', 'node24'), ['node', '-v']).ended;
  t.strictSame({ status, stdout }, { status: 1, stdout: '' });
  t.match(stderr, /^Node 24 is not in node_modules: run npm ci /);
});

t.test('npm run stage has nothing to do after npm run stage', async (t) => {
  const { status, stdout, stderr } = await run(node24, ['node', 'scripts/stage-natives.ts']).ended;
  t.strictSame({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
});

t.test('npm run build refuses an architecture that is not ours', async (t) => {
  const { status, stderr } = await run(node24, ['node', 'scripts/build.ts', '--arch', 'sparc']).ended;
  t.strictSame({ status, stderr }, { status: 1, stderr: '--arch is x64 or arm64, not sparc.\n' });
});

t.test('npm run bench names its parts to who asks for one that it does not have', async (t) => {
  const { status, stderr } = await run(node24, ['node', 'scripts/bench/main.ts', '--only', 'modem']).ended;
  const parts = 'parser, daemon, doors, overload, streams, frameworks, reference';
  t.strictSame({ status, stderr }, { status: 1, stderr: `--only takes ${parts}, not modem.\n` });
});

t.test('npm start hands its arguments to serve', async (t) => {
  const { status, stdout } = await run(node24, ['node', 'scripts/start.ts', '--help']).ended;
  t.equal(status, 0);
  t.match(stdout, /Usage: hailo-tcn-sidecar serve/);
});

t.test('npm start serves the model of the repository in one process, and ends with status 0 on SIGTERM', async (t) => {
  const port = await freePort();
  const running = run(node24, ['node', 'scripts/start.ts'], { SIDECAR_PORT: String(port) });
  t.teardown(() => running.child.kill('SIGKILL'));
  t.match(await untilHealthy(`http://127.0.0.1:${port}`, running), { ok: true, status: 'healthy' });
  running.child.kill('SIGTERM');
  const { status, signal } = await running.ended;
  t.strictSame({ status, signal }, { status: 0, signal: null });
});
