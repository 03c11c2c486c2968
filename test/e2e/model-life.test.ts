import { chmodSync, chownSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Answer, skipDeploy, startBox } from '../fakes/remote-box.ts';
import { distFile, freePort, placeOf, ROOT, type Running, skipWithout, untilHealthy } from './launch.ts';

const skip = skipWithout({ [distFile('x64')]: 'npm run build' });
const NOBODY = 65534;

/** The executable as a daemon of its own user, and as the commands that root types. */
async function startLife(t: Test) {
  const place = placeOf(t, 'x64');
  const home = join(place.empty, '..');
  const directories = ['models', 'run'].map((name) => join(home, name));
  for (const directory of directories) {
    mkdirSync(directory);
    if (process.getuid?.() === 0) chownSync(directory, NOBODY, NOBODY);
  }
  const port = await freePort();
  const config = join(home, 'config.yaml');
  const socket = join(home, 'run', 'admin.sock');
  const yaml = `server: {port: ${port}}
backend: {kind: cpu}
inference: {deadline_ms: 5000}
model: {store: ${join(home, 'models')}}
admin: {socket: ${socket}}
rollout: {probation_s: 2}
`;
  writeFileSync(config, yaml);
  const url = `http://127.0.0.1:${port}`;
  const serve = async (): Promise<Running> => {
    const running = place.start(['serve', '--config', config]);
    await untilHealthy(url, running);
    return running;
  };
  return { place, home, config, url, serve, store: join(home, 'models') };
}

const modelOf = async (url: string) =>
  ((await (await fetch(`${url}/healthz`)).json()) as { model_version: string }).model_version;

t.test(
  'a model is brought to a machine over ssh, serves there, and is taken back after a kill -9',
  { skip: skip || skipDeploy },
  async (t) => {
    const life = await startLife(t);
    let daemon = await life.serve();
    const box = await startBox(t);
    const program = join(box.folder, 'bin', 'hailo-tcn-sidecar');
    rmSync(program);
    const script = `#!/bin/sh
export XDG_CACHE_HOME=${join(life.home, 'root-cache')}
command=$1
if [ "$command" = model ]; then shift; exec ${life.place.executable} model --config ${life.config} "$@"; fi
exec ${life.place.executable} "$@"
`;
    writeFileSync(program, script);
    chmodSync(program, 0o755);

    const pack = async (version: string): Promise<string> => {
      const bundle = join(life.home, `bundle-${version}`);
      cpSync(join(ROOT, 'packaging/models/default'), bundle, { recursive: true });
      const manifest = join(bundle, 'manifest.yaml');
      writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/^version: .*$/m, `version: "${version}"`));
      if (process.getuid?.() === 0) for (const path of [bundle, manifest]) chownSync(path, NOBODY, NOBODY);
      const { stdout, stderr, status } = await life.place.start([
        'model',
        'pack',
        bundle,
        '--out',
        join(life.home, 'run', `${version}.tcnmodel`),
      ]).ended;
      t.equal(status, 0, `${stdout}${stderr}`);
      return join(life.home, 'run', `${version}.tcnmodel`);
    };
    const deploy = (...argv: string[]): Promise<Answer> =>
      box.deploy(argv, {
        verify: async (file) => ({ model: `imu-motif-tcn@${/([^/]+)\.tcnmodel$/.exec(file)?.[1]}`, text: 'as packed' }),
        pauseMs: 200,
      });

    const first = await deploy(await pack('two'));
    t.match(first, { status: 0, err: '', out: /imu-motif-tcn@two serves on .*, confirmed/ }, first.out);
    t.equal(await modelOf(life.url), 'two');

    const undone = await deploy('--rollback');
    t.match(undone, { status: 0 }, undone.out + undone.err);
    t.not(await modelOf(life.url), 'two');
    t.match(await deploy(join(life.home, 'run', 'two.tcnmodel')), { status: 0 });

    const second = await deploy(await pack('three'), '--no-wait');
    t.match(second, { status: 0 }, second.out);
    daemon.child.kill('SIGKILL');
    await daemon.ended;
    daemon = await life.serve();
    t.equal(await modelOf(life.url), 'two', 'nobody had confirmed it');

    const bad = join(life.home, 'bad.tcnmodel');
    cpSync(join(life.home, 'run', 'three.tcnmodel'), bad);
    const bytes = readFileSync(bad);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(bad, bytes);
    const refused = await deploy(bad);
    t.not(refused.status, 0);
    t.match(refused.out + refused.err, /imu-motif-tcn@two/, 'what serves is told');

    const back = await deploy('--rollback');
    t.not(back.status, 0);
    t.match(
      back.out + back.err,
      /no model before imu-motif-tcn@two/,
      'a revert is no step that a rollback goes further from',
    );
    daemon.child.kill('SIGTERM');
    t.match(await daemon.ended, { status: 0 });
  },
);
