import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { startTestDaemon } from '../fakes/daemon.ts';
import { writeTinyBundle } from '../fixtures/bundle.ts';
import { freePort, ROOT } from './launch.ts';

/** The program as a person types it, from the sources. */
async function run(args: string[], env: Record<string, string> = {}) {
  const entry = join(ROOT, 'packaging', 'single-file', 'entry.ts');
  const child = spawn(process.execPath, [entry, ...args], { env: { ...process.env, ...env } });
  const closed = once(child, 'close');
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status] = await closed;
  return { status, out, err };
}

t.test('the program tells its version and its commands', async (t) => {
  t.match(await run(['--version']), { status: 0, out: /^hailo-tcn-sidecar \d+\.\d+\.\d+.*, Node 24\.21\.0\n$/ });
  t.match(await run([]), { status: 0, out: /^Usage: .*serve.*doctor/s });
  t.match(await run(['serve', '--help']), { status: 0, out: /^Usage: hailo-tcn-sidecar serve/ });
});

t.test('a misspelt command or option is told with the nearest one', async (t) => {
  t.match(await run(['docter']), { status: 64, err: /no command "docter"\. Did you mean "doctor"\?/ });
  t.match(await run(['--verson']), { status: 64, err: /Unknown option --verson\. Did you mean "--version"\?/ });
});

t.test('doctor finds a sound set-up sound', async (t) => {
  const { status, out } = await run(['doctor'], { SIDECAR_PORT: String(await freePort()) });
  t.equal(status, 0);
  for (const name of ['configuration', 'native parts', 'model', 'golden windows', 'Hailo driver', 'port', 'network'])
    t.match(out, new RegExp(`^✓ ${name}: `, 'm'));
  t.notMatch(out, /^✗/m);
});

t.test('doctor says what is wrong, each with its remedy, and ends with 1', async (t) => {
  const { directory } = writeTinyBundle(t.testdir(), { hasMotifs: false });
  const strict = join(directory, 'strict.yaml');
  const other = createServer((_request, response) => response.end('something else'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  const { port } = other.address() as AddressInfo;
  writeFileSync(strict, `server: {port: ${port}}\nbackend: {kind: hailo}\nmodel: {bundle: ${directory}}\n`);
  const { status, out } = await run(['doctor', '--config', strict, '--json']);
  const { ok, checks } = JSON.parse(out);
  t.match({ status, ok }, { status: 1, ok: false });
  const find = (wanted: string) => (checks as { name: string }[]).find(({ name }) => name === wanted);
  t.match(find('configuration'), { state: 'ok' });
  t.match(find('model'), { state: 'warning', text: /no motif scores/, fix: /--motifs/ });
  t.match(find('golden windows'), { state: 'ok' });
  t.match(find('port'), { state: 'failed', text: /another program/, fix: /ss -ltnp/ });
  if (!existsSync('/dev/hailo0')) t.match(find('Hailo driver'), { state: 'failed', fix: /backend\.kind/ });
});

t.test('doctor goes on after a configuration that is not valid, and an address that is not ours', async (t) => {
  const bad = join(
    t.testdir({
      'bad.yaml': 'server: {prot: 1}\n',
      'away.yaml': 'server: {host: 192.0.2.1, port: 9000}\nsecurity: {insecure: true}\n',
    }),
    'bad.yaml',
  );
  t.match(await run(['doctor', '--config', bad]), {
    status: 1,
    out: /✗ configuration: .*unknown key server\.prot.*✓ native parts/s,
  });
  const away = await run(['doctor', '--config', bad.replace('bad', 'away')]);
  t.match(away, {
    status: 1,
    out: /! configuration.*server\.host is 192\.0\.2\.1.*✗ port: cannot listen on 192\.0\.2\.1:9000/s,
  });
});

t.test('selftest and doctor know a running daemon', async (t) => {
  const { url } = await startTestDaemon(t);
  const { status, out } = await run(['selftest', '--url', url]);
  t.equal(status, 0, out);
  t.match(out, /imu-motif-tcn@.*\n✓ {2}rest/);
  const doctor = await run(['doctor'], { SIDECAR_PORT: new URL(url).port });
  t.match(doctor, { status: 0, out: /✓ port: .* is served by a running daemon, version/ });
});

t.test('selftest without a daemon says so', async (t) => {
  const env = { SIDECAR_PORT: String(await freePort()) };
  t.match(await run(['selftest'], env), {
    status: 69,
    err: /No daemon answers at http:\/\/127\.0\.0\.1:\d+.*Start it/,
  });
});

t.test('model create and inspect, from files to a bundle that passes', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  const config = join(directory, 'model_config.json');
  const normalization = { method: 'z_score_per_channel', mean: new Array(9).fill(0), std: new Array(9).fill(1) };
  writeFileSync(config, JSON.stringify({ normalization }));
  const out = join(directory, 'made');
  const created = await run([
    'model',
    'create',
    '--onnx',
    join(directory, 'model.onnx'),
    '--config',
    config,
    '--out',
    out,
  ]);
  t.match(created, { status: 0, out: /✓ tcn-vae@1 in/ });
  t.match(await run(['model', 'inspect', out]), { status: 0, out: /✓ 4 golden windows/ });
  t.match(await run(['model', 'inspect']), { status: 0, out: /^imu-motif-tcn@/ });
  t.match(await run(['model', 'inspect', '/nowhere']), { status: 66, err: /no model bundle at \/nowhere/ });
});

t.test('config runs with the version of the program', async (t) => {
  t.match(await run(['config', 'render', '--in', join(ROOT, 'etc/hailo-tcn-sidecar.yaml')]), {
    status: 0,
    out: /hailo-tcn-sidecar \d/,
  });
});
