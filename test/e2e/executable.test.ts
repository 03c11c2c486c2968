import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { makeCertificate, whyNoOpenssl } from '../fixtures/certificate.ts';
import {
  distFile,
  freePort,
  inferGolden,
  placeOf,
  ROOT,
  shippedGolden,
  skipWithout,
  untilHealthy,
  writeConfig,
} from './launch.ts';

const skip = skipWithout({ [distFile(process.arch)]: 'run "npm run build" first' });
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

t.test('the executable, away from the repository and as nobody', { skip }, async (t) => {
  const place = placeOf(t, process.arch);

  t.test('--version says what it is, unpacks nothing and needs nothing', async (t) => {
    const ended = await place.start(['--version']).ended;
    t.strictSame({ status: ended.status, stderr: ended.stderr }, { status: 0, stderr: '' });
    t.match(
      ended.stdout,
      new RegExp(`^hailo-tcn-sidecar ${version.replaceAll('.', '\\.')}( \\([0-9a-f]+(-dirty)?\\))?, Node 24\\.`),
    );
    t.strictSame(readdirSync(place.cache), []);
  });

  t.test('--help names every subcommand', async (t) => {
    const { status, stdout } = await place.start(['--help']).ended;
    t.equal(status, 0);
    for (const command of ['serve', 'config', 'model', 'doctor']) t.match(stdout, new RegExp(`^ +${command} `, 'm'));
  });

  t.test('NODE_OPTIONS changes nothing', async (t) => {
    const { status, stderr } = await place.start(['--version'], { env: { NODE_OPTIONS: '--no-such-option' } }).ended;
    t.strictSame({ status, stderr }, { status: 0, stderr: '' });
  });

  t.test('config check needs no native part', async (t) => {
    const config = writeConfig(place, 'server:\n  port: 9000\n');
    const { status, stderr } = await place.start(['config', 'check', config], { env: { XDG_CACHE_HOME: '/proc/none' } })
      .ended;
    t.strictSame({ status, stderr }, { status: 0, stderr: '' });
  });

  t.test('serve answers the golden windows and ends with status 0 on SIGTERM', async (t) => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const running = place.start(['serve'], { env: { SIDECAR_PORT: String(port) } });
    const health = await untilHealthy(url, running);
    t.match(health, { ok: true, backend: 'cpu', version });
    const golden = shippedGolden();
    for (const window of golden.windows) {
      const { keys, cosine, farthest } = await inferGolden(url, window);
      t.strictSame(keys, ['latent', 'motif_scores'], window.name);
      t.ok(cosine >= golden.tolerance.cosine, `${window.name}: cosine ${cosine}`);
      t.ok(farthest <= golden.tolerance.abs, `${window.name}: off by ${farthest}`);
    }
    running.child.kill('SIGTERM');
    const { status, stderr } = await running.ended;
    t.strictSame({ status, stderr }, { status: 0, stderr: '' });
    t.strictSame(
      readdirSync(place.cache),
      ['hailo-tcn-sidecar'],
      'nobody else keeps anything in the cache: no telemetry',
    );
  });

  t.test(
    'with TLS, a token and a Unix socket selftest finds it by either door',
    { skip: whyNoOpenssl() },
    async (t) => {
      const port = await freePort();
      const shared = mkdtempSync(join(tmpdir(), 'doors-'));
      t.teardown(() => rmSync(shared, { recursive: true, force: true }));
      chmodSync(shared, 0o777);
      const { certificate, key } = makeCertificate(shared, 'tls');
      writeFileSync(join(shared, 'api-token'), '0123456789abcdef\n');
      for (const file of [key, join(shared, 'api-token')]) chmodSync(file, 0o644);
      const security = `{token_credential: api-token, tls_certificate: ${certificate}, tls_key: ${key}}`;
      const config = writeConfig(
        place,
        `server: {port: ${port}, unix_socket: ${shared}/http.sock}\nsecurity: ${security}\n`,
      );
      const env = { CREDENTIALS_DIRECTORY: shared };
      const running = place.start(['serve', '--config', config], { env });
      const bySocket = ['selftest', '--config', config];
      while ((await place.start(bySocket).ended).status !== 0) if (running.child.exitCode !== null) break;
      t.match((await place.start(bySocket).ended).stdout, `at ${shared}/http.sock`);
      rmSync(join(shared, 'http.sock'));
      t.match(await place.start(bySocket, { env }).ended, { status: 0, stdout: `at https://127.0.0.1:${port}` });
      t.match(await place.start(bySocket).ended, { status: 77, stderr: /asks for a token/ });
      running.child.kill('SIGTERM');
      const { status, stdout } = await running.ended;
      t.equal(status, 0);
      t.notMatch(stdout, /0123456789abcdef/);
    },
  );

  t.test('while it serves nothing is written to a disk: an SD card wears out', async (t) => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const running = place.start(['serve'], { env: { SIDECAR_PORT: String(port) } });
    await untilHealthy(url, running);
    const [window] = shippedGolden().windows;
    await inferGolden(url, window!);
    const before = writtenBytes(running.child.pid!);
    for (let i = 0; i < 200; i++) await inferGolden(url, window!);
    for (const path of ['metrics', 'status', 'healthz']) await (await fetch(`${url}/${path}`)).text();
    t.equal(writtenBytes(running.child.pid!) - before, 0);
    running.child.kill('SIGTERM');
    await running.ended;
  });

  t.test('a cache that cannot be written ends the start with cause and remedy', async (t) => {
    const port = String(await freePort());
    const env = { SIDECAR_PORT: port, XDG_CACHE_HOME: '/proc/none' };
    const { status, stdout, stderr } = await place.start(['serve'], { env }).ended;
    t.equal(status, 71);
    t.match(stdout + stderr, /unpacks parts of itself into \/proc\/none\/.*set CACHE_DIRECTORY/);
  });
});

/** What the process has caused to be written to block devices, so far. */
function writtenBytes(pid: number): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}
