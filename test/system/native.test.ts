import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { bundledModelDirectory } from '../../src/system/bundled-model.ts';
import { isExecutable } from '../../src/system/embedded.ts';
import {
  directoryOf,
  explain,
  loadNative,
  loadNativeFrom,
  type NativePlaces,
  startThread,
} from '../../src/system/native.ts';
import { readRelease } from '../../src/system/release.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const STAGED = join(ROOT, 'build', 'native', `linux-${process.arch}`);

const THREAD = `import { parentPort, workerData } from 'node:worker_threads';
parentPort.postMessage({ data: workerData, telemetry: process.env.ORT_DISABLE_TELEMETRY });`;

/** The places of an executable that carries the staged koffi, within a directory of the test's own. */
function executablePlaces(t: Test): NativePlaces {
  const root = t.testdir({ installed: {} });
  const koffi = readFileSync(join(STAGED, 'koffi.node'));
  const sha256 = createHash('sha256').update(koffi).digest('hex');
  return {
    installed: join(root, 'installed'),
    staged: join(root, 'staged'),
    embedded: { key: 'e'.repeat(32), digests: { 'koffi.node': sha256 }, read: () => koffi },
    cache: () => join(root, 'cache'),
  };
}

t.test('from the sources the staged uWebSockets loads', async (t) => {
  const uws = loadNative('uws') as { App: unknown };
  t.type(uws.App, 'function');
});

t.test('every part is staged under the names that are looked for', async (t) => {
  t.type((loadNative('koffi') as { load: unknown }).load, 'function');
  t.type((loadNative('onnxruntime') as { InferenceSession: unknown }).InferenceSession, 'function');
});

t.test('from the sources a part that is not staged is named with the remedy', async (t) => {
  const places = { ...executablePlaces(t), embedded: null };
  t.throws(() => loadNativeFrom(places, 'onnxruntime'), {
    code: 'NATIVE_MISSING',
    message: `onnxruntime_binding.node and libonnxruntime.so.1 are not in ${places.staged}: run "npm run stage" first.`,
  });
});

t.test('an executable unpacks what it needs into its cache', async (t) => {
  const places = executablePlaces(t);
  t.type((loadNativeFrom(places, 'koffi') as { load: unknown }).load, 'function');
  t.equal(directoryOf(places, ['koffi.node']), join(places.cache(), 'e'.repeat(32)));
});

t.test('an executable prefers the installed files when they are its own', async (t) => {
  const places = executablePlaces(t);
  copyFileSync(join(STAGED, 'koffi.node'), join(places.installed, 'koffi.node'));
  t.equal(directoryOf(places, ['koffi.node']), places.installed);
});

t.test('installed files of another version, and those that others may change, are not used', async (t) => {
  const places = executablePlaces(t);
  const cached = join(places.cache(), 'e'.repeat(32));
  writeFileSync(join(places.installed, 'koffi.node'), 'another version');
  t.equal(directoryOf(places, ['koffi.node']), cached);
  const { chmodSync } = await import('node:fs');
  copyFileSync(join(STAGED, 'koffi.node'), join(places.installed, 'koffi.node'));
  chmodSync(join(places.installed, 'koffi.node'), 0o666);
  t.equal(directoryOf(places, ['koffi.node']), cached);
  chmodSync(join(places.installed, 'koffi.node'), 0o644);
  chmodSync(places.installed, 0o777);
  t.equal(directoryOf(places, ['koffi.node']), cached);
});

t.test('a file that is no native module is refused with NATIVE_MISSING', async (t) => {
  const places = { ...executablePlaces(t), embedded: null };
  mkdirSync(places.staged);
  writeFileSync(join(places.staged, 'uws.node'), 'text');
  t.throws(() => loadNativeFrom(places, 'uws'), {
    code: 'NATIVE_MISSING',
    message: /uws\.node cannot be loaded \(.*npm run stage/,
  });
});

t.test('each reason why a file does not load leads to its own remedy', async (t) => {
  const said = (reason: string) => explain('/c/uws.node', '/c', reason);
  t.match(
    said('/c/uws.node: failed to map segment from shared object'),
    /\/c does not allow execution.*CACHE_DIRECTORY/,
  );
  t.match(said("/lib/libc.so.6: version `GLIBC_2.38' not found"), /too old; Debian 12/);
  t.match(
    said('libstdc++.so.6: cannot open shared object file: No such file or directory'),
    /the package that has libstdc\+\+\.so\.6\.$/,
  );
  t.match(said('invalid ELF header'), /does not fit this machine/);
});

t.test('a thread started from the sources runs the module, with telemetry off before it starts', async (t) => {
  const file = join(t.testdir({ 'thread.mjs': THREAD }), 'thread.mjs');
  delete process.env.ORT_DISABLE_TELEMETRY;
  const thread = startThread('unused.cjs', new URL(`file://${file}`), { workerData: 7 });
  const [answer] = await new Promise<unknown[]>((resolve) => thread.once('message', (...args) => resolve(args)));
  t.strictSame(answer, { data: 7, telemetry: '1' });
});

t.test('the sources know their version and their model', async (t) => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  t.notOk(isExecutable());
  t.strictSame(readRelease(), { version, commit: null, node: process.versions.node });
  t.equal(bundledModelDirectory(), join(ROOT, 'packaging', 'models', 'default'));
});
