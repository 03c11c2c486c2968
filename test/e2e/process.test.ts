import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { restWindow } from '../fakes/daemon.ts';
import { bindDatagramSocket } from '../fakes/datagram-socket.ts';
import { writeTinyBundle } from '../fixtures/bundle.ts';
import { freePort, ROOT } from './launch.ts';

/** The daemon as a process, from the sources: signals, exit statuses, what systemd hears. */
interface Process {
  readonly child: ChildProcess;
  /** All that it printed so far. */
  said(): string;
  /** Resolves when it has printed something that matches. */
  until(pattern: RegExp): Promise<void>;
  readonly ended: Promise<{ status: number | null; signal: string | null }>;
}

const START = join(ROOT, 'scripts', 'start.ts');

function run(t: Test, args: string[], env: Record<string, string> = {}): Process {
  const child = spawn(process.execPath, [START, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
  const ended = once(child, 'close').then(([status, signal]) => ({ status, signal }));
  t.teardown(() => void child.kill('SIGKILL'));
  const until = async (pattern: RegExp) => {
    while (!pattern.test(text)) {
      if (child.exitCode !== null) throw new Error(`ended before ${pattern}:\n${text}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return { child, said: () => text, until, ended };
}

async function serve(t: Test, yaml: string, env: Record<string, string> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'process-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const port = await freePort();
  const file = join(directory, 'sidecar.yaml');
  writeFileSync(file, `server: {port: ${port}}\n${yaml}`);
  return { port, file, directory, ...run(t, ['--config', file], env) };
}

const wire = (() => {
  const body = JSON.stringify({ x: restWindow() });
  return { body, head: `POST /infer HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n` };
})();

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} loses no request that has arrived, ends the process with 0 and refuses new ones`, async (t) => {
    const { port, child, ended, until } = await serve(t, 'inference: {deadline_ms: 5000}\n');
    await until(/Serving/);
    const socket = connect(port, '127.0.0.1');
    let reply = '';
    socket.on('data', (chunk) => (reply += chunk));
    socket.on('error', () => {});
    socket.write(wire.head + wire.body.slice(0, -10)); // a request that is still arriving
    await once(socket, 'connect');
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    child.kill(signal);
    await until(/stopping/);
    socket.write(wire.body.slice(-10));
    t.match(await ended, { status: 0, signal: null });
    t.match(reply, /^HTTP\/1\.1 (200|503)/, 'it is answered, whichever way');
  });
}

t.test('a second signal ends the delay of a drain, and the process ends with 0', async (t) => {
  const directory = t.testdir();
  const port = await freePort();
  const file = join(directory, 'sidecar.yaml');
  writeFileSync(file, `server: {port: ${port}, drain_delay_ms: 60000}\n`);
  const { child, ended, until } = run(t, ['--config', file]);
  await until(/Serving/);
  child.kill('SIGTERM');
  await until(/serving on for 60000 ms/);
  t.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 503);
  child.kill('SIGINT');
  await until(/no longer waiting for the balancers/);
  t.match(await ended, { status: 0, signal: null });
});

t.test('a second daemon on the port ends with one sentence and the status for it; the first goes on', async (t) => {
  const first = await serve(t, '');
  await first.until(/Serving/);
  const second = run(t, ['--config', first.file]);
  t.match(await second.ended, { status: 69 });
  t.match(second.said(), /Cannot start: Another program listens on 127\.0\.0\.1:\d+; see who it is/);
  t.equal((await fetch(`http://127.0.0.1:${first.port}/healthz`)).status, 200);
});

t.test('each start that cannot be has its sentence and its exit status', async (t) => {
  const corrupt = writeTinyBundle(t.testdir());
  writeFileSync(join(corrupt.directory, 'model.onnx'), 'not the model');
  const bad = join(mkdtempSync(join(tmpdir(), 'process-')), 'bad.yaml');
  writeFileSync(bad, 'server:\n  prot: 9000\n');
  const cases: [string[], Record<string, string>, number, RegExp][] = [
    [[], { MODEL_BUNDLE: '/nowhere' }, 66, /no model bundle at \/nowhere.*MODEL_BUNDLE/],
    [[], { MODEL_BUNDLE: corrupt.directory }, 65, /model\.onnx is not the file that the manifest describes/],
    [['--config', bad], {}, 78, /bad\.yaml:2:3: unknown key server\.prot\. Did you mean server\.port\?/],
    [['--config', '/nowhere.yaml'], {}, 78, /\/nowhere\.yaml cannot be read: there is no such file/],
    [['--confg', 'x'], {}, 64, /Unknown option --confg\. Did you mean "--config"\?/],
    [['--format', 'xml'], {}, 64, /--format is one of/],
  ];
  for (const [args, env, status, sentence] of cases) {
    const failed = run(t, args, env);
    t.match(await failed.ended, { status });
    t.match(failed.said(), sentence);
    t.notMatch(failed.said(), /\n\s+at /, 'no stack for a person');
  }
});

t.test('systemd hears READY, RELOADING, WATCHDOG and STOPPING, with what is served', async (t) => {
  const socketPath = join(mkdtempSync(join(tmpdir(), 'n-')), 's');
  const socket = bindDatagramSocket(socketPath);
  t.teardown(() => socket.close());
  const env = { NOTIFY_SOCKET: socketPath, WATCHDOG_USEC: '40000' };
  const { child, ended, until } = await serve(t, '', env);
  const heard: string[] = [];
  const hear = async (pattern: RegExp) => {
    while (!heard.some((message) => pattern.test(message))) {
      const message = socket.receive();
      if (message !== '') heard.push(message);
      else await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await hear(/^READY=1\nSTATUS=Serving imu-motif-tcn@/);
  t.match(heard[0], /^READY=1/, 'nothing comes before READY');
  await hear(/^WATCHDOG=1/);
  await until(/Serving/);
  child.kill('SIGHUP');
  await hear(/^RELOADING=1\nMONOTONIC_USEC=\d+/);
  child.kill('SIGTERM');
  await hear(/^STOPPING=1/);
  t.match(await ended, { status: 0 });
});

t.test('a bad file at SIGHUP changes nothing and says so', async (t) => {
  const { child, file, port, until } = await serve(t, '');
  await until(/Serving/);
  writeFileSync(file, 'server: {port: nine thousand}\n');
  child.kill('SIGHUP');
  await until(/configuration not reloaded, the one in force stays.*server\.port/s);
  t.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
});

t.test('a full disk behind stdout keeps nobody from stopping, nor a failed start from ending', async (t) => {
  const full = openSync('/dev/full', 'w');
  t.teardown(() => closeSync(full));
  const directory = t.testdir({ 'c.yaml': `server: {port: ${await freePort()}}\n` });
  const started = (env: Record<string, string>) => {
    const args = [START, '--config', join(directory, 'c.yaml')];
    const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', full, 'ignore'] });
    t.teardown(() => void child.kill('SIGKILL'));
    return { child, ended: once(child, 'close') };
  };
  t.same(await started({ MODEL_BUNDLE: '/nonexistent' }).ended, [66, null]);
  const { child, ended } = started({});
  const port = /port: (\d+)/.exec(readFileSync(join(directory, 'c.yaml'), 'utf8'))?.[1];
  const isUp = () =>
    fetch(`http://127.0.0.1:${port}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isUp())) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGTERM');
  t.same(await ended, [0, null]);
});
