import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ROOT, skipWithout } from '../e2e/launch.ts';
import { writeChipBundle } from '../fakes/daemon-on-chip.ts';
import { whyNoStandIn } from '../fakes/hailort/build.ts';
import { insertChip } from '../fakes/stand-in-chip.ts';
import { ask, infer, untilAnswering } from './container/client.ts';
import { buildImage, type Image, NEEDS, run } from './container/image.ts';
import { type Outcome, startContainer } from './container/run.ts';
import { LIMITS } from './container/runtime-config.ts';

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const debArch = process.arch === 'x64' ? 'amd64' : process.arch;
const DEB = join(ROOT, 'dist', `hailo-tcn-sidecar_${version}_${debArch}.deb`);
const skip =
  process.getuid?.() === 0 || process.env.CI
    ? skipWithout({ [DEB]: 'run "npm run build:deb" first', ...NEEDS })
    : 'only root may build and start a container without an engine';
const BUNDLE = join(ROOT, 'packaging/models/default');
const SECOND = 1e9; // of an image's durations
const STOP_MS = 5000; // server.drain_timeout_ms

/** Whether a command came to an end by itself, and a bad one. */
function failed({ status }: Outcome): boolean {
  return status !== null && status > 0;
}

/** A directory of its own. */
function scratch(t: { teardown(clean: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'container-'));
  chmodSync(directory, 0o755); // for the container's user
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

t.test('the container', { skip, timeout: 300_000 }, async (t) => {
  t.setTimeout(300_000); // the first time a base is made
  const image: Image = await buildImage(t);
  const { config } = image;
  const [, ...probe] = config.Healthcheck.Test;

  t.test('the image says how it is run', async (t) => {
    t.match(config, {
      User: 'hailo-tcn-sidecar',
      Entrypoint: ['/usr/bin/hailo-tcn-sidecar'],
      Cmd: ['serve'],
      StopSignal: 'SIGTERM',
      Labels: { 'org.opencontainers.image.version': version, 'org.opencontainers.image.licenses': 'Apache-2.0' },
    });
    t.strictSame(Object.keys(config.ExposedPorts), ['9000/tcp']);
    const { Test, Interval, Timeout, StartPeriod } = config.Healthcheck;
    t.equal(Test[0], 'CMD');
    t.strictSame([Interval, Timeout, StartPeriod], [30 * SECOND, 5 * SECOND, 60 * SECOND]);
  });

  t.test('it holds the package of dist, whole, and not the .deb', async (t) => {
    const sums = (...how: string[]) => run('sh', '-c', how.join(' '));
    const inDeb = sums('dpkg-deb', '--ctrl-tarfile', DEB, '| tar -xO ./md5sums');
    t.equal(run('cat', join(image.root, 'var/lib/dpkg/info/hailo-tcn-sidecar.md5sums')), inDeb);
    const changed = run('dpkg', `--root=${image.root}`, '--verify', 'hailo-tcn-sidecar');
    t.match(
      changed,
      /^\S+ c \/etc\/hailo\/hailo-tcn-sidecar\.yaml$/,
      'dpkg finds nothing changed but the configuration',
    );
    t.equal(run('find', image.root, '-xdev', '-name', '*.deb'), '');
  });

  t.test('as it is: read-only, no capabilities, its own user', async (t) => {
    const container = await startContainer(t, image);
    const health = await untilAnswering(container);

    t.test('/healthz is ok and a window gets 64 and 12 numbers', async (t) => {
      t.match(health, { status: 200, body: { ok: true, backend: 'cpu', model: 'imu-motif-tcn', version } });
      const { status, body } = infer(container);
      t.equal(status, 200);
      const { latent, motif_scores: scores, ...rest } = body as Record<string, number[]>;
      t.strictSame([latent?.length, scores?.length, rest], [64, 12, {}]);
    });

    t.test('it serves other addresses than its own loopback', async (t) => {
      container.onNet('ip', 'address', 'add', '192.0.2.7/32', 'dev', 'lo');
      t.match(ask(container, 'http://192.0.2.7:9000/healthz'), { status: 200 });
    });

    t.test('the daemon is nobody special, filtered and limited', async (t) => {
      const status = readFileSync(`/proc/${container.pid}/status`, 'utf8');
      const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1];
      t.not(field('Uid'), '0');
      for (const set of ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) t.match(field(set), /^0+$/, set);
      t.strictSame([field('NoNewPrivs'), field('Seccomp')], ['1', '2']);
      t.strictSame(container.limits(), LIMITS);
    });

    t.test('nothing but /tmp can be written, by root neither', async (t) => {
      for (const directory of ['/', '/etc/hailo', '/usr/bin', '/var/lib', '/run', '/var/tmp']) {
        const { status, stderr } = container.exec(['touch', join(directory, 'x')], '0:0');
        t.not(status, 0, directory);
        t.match(stderr, 'Read-only file system', directory);
      }
      t.equal(container.exec(['touch', '/tmp/x']).status, 0);
    });

    t.test('the health check follows the daemon: well, hanging, well again', async (t) => {
      t.match(container.exec(probe), { status: 0, stdout: '', stderr: '' });
      container.signal('STOP');
      t.ok(failed(container.exec(probe)));
      container.signal('CONT');
      t.equal(container.exec(probe).status, 0);
    });

    t.test('SIGTERM ends it with 0 within the drain time', async (t) => {
      const startAt = performance.now();
      container.signal(config.StopSignal);
      const { status, stdout, stderr } = await container.ended;
      t.strictSame({ status, stderr }, { status: 0, stderr: '' });
      t.match(stdout, /"msg":"stopped"/);
      t.ok(performance.now() - startAt < STOP_MS);
    });
  });

  t.test('environment variables win over a mounted file; a bundle in /models serves', async (t) => {
    const directory = scratch(t);
    cpSync(BUNDLE, join(directory, 'models/mine'), { recursive: true });
    const manifest = join(directory, 'models/mine/manifest.yaml');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('name: imu-motif-tcn', 'name: mine'));
    const yaml = join(directory, 'sidecar.yaml');
    writeFileSync(
      yaml,
      'server: {port: 9200, docs: false}\nmodel: {num_motifs: 7, expect_version: a}\nlogging: {level: error}\n',
    );
    const env = {
      MODEL_BUNDLE: '/models/mine',
      ...{ NUM_MOTIFS: '12', MODEL_VERSION: '2026.11.1', MODEL_ACCURACY: '0.9958' },
      ...{ SIDECAR_HOST: '127.0.0.1', SIDECAR_PORT: '9100', LOG_LEVEL: 'warning' },
      ...{ HAILO_DEVICE_ID: 'hailo0', BATCH_SIZE: '1', HEF_PATH: '' },
    };
    const volumes = { '/models': join(directory, 'models'), '/etc/hailo/hailo-tcn-sidecar.yaml': yaml };
    const container = await startContainer(t, image, { env, volumes });
    const url = 'http://127.0.0.1:9100';
    t.match(await untilAnswering(container, url), { status: 200, body: { ok: true, model: 'mine' } });
    t.equal(infer(container, url).status, 200);
    const { config_origins: origins } = ask(container, `${url}/status`).body as {
      config_origins: Record<string, string>;
    };
    const fromEnv = Object.values(origins).flatMap((origin) => /^env (.*)/.exec(origin)?.[1] ?? []);
    t.strictSame(
      fromEnv.sort(),
      Object.keys(env)
        .filter((name) => name !== 'HEF_PATH')
        .sort(),
      'an empty one is none',
    );
    t.equal(origins['server.docs'], 'yaml:/etc/hailo/hailo-tcn-sidecar.yaml:1');
    t.match(container.exec(['touch', '/models/mine/x'], '0:0').stderr, 'Read-only file system');
    t.equal(container.exec(probe).status, 0, 'the health check asks at the port of the environment');
  });

  t.test('a daemon that runs but cannot answer is unhealthy', async (t) => {
    const yaml = join(scratch(t), 'sidecar.yaml');
    writeFileSync(yaml, 'backend: {kind: hailo}\nsecurity: {insecure: true}\n');
    const container = await startContainer(t, image, { volumes: { '/etc/hailo/hailo-tcn-sidecar.yaml': yaml } });
    t.match(await untilAnswering(container), { status: 503, body: { ok: false } });
    t.ok(failed(container.exec(probe)));
  });

  t.test('with a token as a secret it is asked for, but not for health', async (t) => {
    const directory = scratch(t);
    const token = '0123456789abcdef0123456789abcdef';
    mkdirSync(join(directory, 'secrets'));
    writeFileSync(join(directory, 'secrets/api-token'), `${token}\n`);
    writeFileSync(join(directory, 'sidecar.yaml'), 'security: {token_credential: api-token}\n');
    const volumes = {
      '/run/secrets': join(directory, 'secrets'),
      '/etc/hailo/hailo-tcn-sidecar.yaml': join(directory, 'sidecar.yaml'),
    };
    const container = await startContainer(t, image, { volumes });
    t.match(await untilAnswering(container), { status: 200 });
    t.match(infer(container), { status: 401, body: { error: { code: 'UNAUTHORIZED' } } });
    const status = 'http://127.0.0.1:9000/status';
    t.match(ask(container, status, '-H', `authorization: Bearer ${token}`), { status: 200, body: { ready: true } });
    t.equal(container.exec(probe).status, 0);
  });

  t.test('a file that says nothing of who may ask is refused, and told what to do', async (t) => {
    const yaml = join(scratch(t), 'sidecar.yaml');
    writeFileSync(yaml, 'logging: {level: info}\n');
    const container = await startContainer(t, image, { volumes: { '/etc/hailo/hailo-tcn-sidecar.yaml': yaml } });
    t.match(await container.ended, { status: 78, stderr: /variable SIDECAR_HOST: .*token_credential.*insecure/s });
  });

  const onChip = { skip: whyNoStandIn() };
  t.test('with a device node, its group and a mounted libhailort a stand-in serves as the chip', onChip, async (t) => {
    const chip = insertChip({ testdir: () => scratch(t) });
    writeChipBundle(chip);
    const volumes = { '/models': chip.root, '/usr/lib/libhailort.so': chip.library };
    const env = {
      MODEL_BUNDLE: '/models/bundle',
      STANDIN_HAILORT_SCRIPT: '/models/script',
      STANDIN_HAILORT_LOG: '/dev/null',
    };
    // fuse's numbers: a device whose open() does nothing
    const devices = [{ path: '/dev/hailo0', major: 10, minor: 229 }];
    const container = await startContainer(t, image, { env, volumes, devices });
    t.match(await untilAnswering(container), { status: 200, body: { ok: true, backend: 'hailo', degraded: false } });
    const { latent, motif_scores: scores } = infer(container).body as Record<string, number[]>;
    t.strictSame([latent?.length, scores?.length], [64, 12]);
  });
});
