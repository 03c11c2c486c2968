import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openLocal } from '../src/install-source.ts';
import { BASE } from './fakes/box.ts';
import { askModelCommand, runModelCommand } from './fakes/model-command.ts';
import { packInto, readAll } from './fixtures/archive.ts';
import { writeTinyBundle } from './fixtures/bundle.ts';

/** A configuration file with a store of its own, and no daemon. */
function place(directory: string, socket: string | null = null) {
  const config = join(directory, 'config.yaml');
  const store = join(directory, 'store');
  writeFileSync(config, `${BASE}model: {store: ${store}}\nadmin: {socket: ${socket}}\n`);
  return { config, store };
}

const bundleIn = (directory: string, version: string) =>
  writeTinyBundle(join(directory, version), { gain: Number(version) }, { version }).directory;
const sha256 = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
const drain = async (path: string, digest: string) => readAll((await openLocal(path, digest)).members);

t.test('the sha256 that is asked for is that of the bytes that are installed', async (t) => {
  const directory = t.testdir({});
  const { file } = await packInto(directory, bundleIn(directory, '1'));
  const other = await packInto(directory, bundleIn(directory, '2'));
  const digest = sha256(file);
  t.equal((await drain(file, digest)).size > 2, true);
  await t.rejects(drain(other.file, digest), { code: 'MODEL_INVALID', message: /not the file that was asked for/ });

  const source = await openLocal(file, digest);
  renameSync(other.file, file);
  t.match(JSON.parse((await readAll(source.members)).get('manifest.yaml') ?? ''), { version: '1' }, 'what was opened');
  await t.rejects(drain(file, digest), { code: 'MODEL_INVALID' }, 'what took its name');
});

t.test('install --sha256 of another file leaves nothing; of a directory it is no use, and says so', async (t) => {
  const directory = t.testdir({});
  const { config, store } = place(directory);
  const bundle = bundleIn(directory, '1');
  const { file } = await packInto(directory, bundle);
  const bad = await askModelCommand(config, 'install', file, '--sha256', '0'.repeat(64));
  t.match(bad, { ok: false, error: { code: 'MODEL_INVALID', message: /its sha256 is [0-9a-f]{64}, expected 0000/ } });
  t.strictSame(readdirSync(store).sort(), ['.install', '.lock', 'active']);
  const folder = await askModelCommand(config, 'install', bundle, '--sha256', '0'.repeat(64));
  t.match(folder, { ok: false, error: { code: 'USAGE', message: /is a directory: leave it out/ } });
  t.match(await askModelCommand(config, 'install', file, '--sha256', sha256(file).toUpperCase()), { ok: true });
});

t.test('inspect finds a model of the store by its name, and by its role', async (t) => {
  const directory = t.testdir({});
  const { config, store } = place(directory);
  for (const version of ['1', '2']) await askModelCommand(config, 'install', bundleIn(directory, version));
  const inspect = async (what: string) => (await askModelCommand(config, 'inspect', what)) as never;
  t.match(await inspect('tiny@1'), { ok: true, directory: join(store, 'tiny/1'), manifest: { version: '1' } });
  t.match(await inspect('active'), { ok: true, manifest: { name: 'imu-motif-tcn' } });
  await askModelCommand(config, 'activate', 'tiny@2');
  t.match(await inspect('active'), { ok: true, directory: join(store, 'tiny/2') });
  t.match(await inspect('previous'), { manifest: { name: 'imu-motif-tcn' } });
  t.match(await inspect('packaged'), { manifest: { name: 'imu-motif-tcn' } });
  t.match(await inspect('candidate'), { error: { code: 'MODEL_MISSING', message: /the candidate one.*model list/ } });
  t.match(await inspect('tiny@3'), { error: { code: 'MODEL_MISSING', message: /tiny@3 is not in the store/ } });
  t.match(await inspect(bundleIn(directory, '3')), { ok: true, manifest: { version: '3' } });
});

t.test('list names the packaged model by its version, too', async (t) => {
  const { config } = place(t.testdir({}));
  t.match(await askModelCommand(config, 'list'), {
    running: false,
    models: [{ ref: 'packaged', id: /^imu-motif-tcn@\d/ }],
  });
  t.match((await runModelCommand(config, 'list')).out, /^packaged \(imu-motif-tcn@\d[^)]*\) .*active/);
});
