import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Pins, type StageRequest, sha256Of, stageNatives } from '../../../packaging/natives/stage.ts';
import { ROOT } from '../../../packaging/project.ts';

// A real shared object, small enough to be copied freely: what is staged must be one.
const PART = join(ROOT, `node_modules/@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`);
const CONTENT = readFileSync(PART);
const DIGEST = sha256Of(CONTENT);

function request(t: Test, pin: { source?: string; sha256?: string } = {}): StageRequest {
  const root = t.testdir({ modules: { part: { 'part.node': CONTENT } }, empty: {} });
  const pinned = { package: 'part', path: 'part.node', source: DIGEST, sha256: DIGEST, ...pin };
  return {
    arch: 'x64',
    pins: { 'linux-x64': { 'ours.node': pinned } },
    modules: [join(root, 'empty'), join(root, 'modules')],
    directory: join(root, 'staged'),
  };
}

t.test('files are staged under their own names, with digest, size and source', async (t) => {
  const asked = request(t);
  t.strictSame(stageNatives(asked), ['ours.node']);
  t.strictSame(readdirSync(asked.directory).sort(), ['natives.json', 'ours.node']);
  t.strictSame(readFileSync(join(asked.directory, 'ours.node')), CONTENT);
  t.strictSame(JSON.parse(readFileSync(join(asked.directory, 'natives.json'), 'utf8')), {
    'ours.node': { sha256: DIGEST, bytes: CONTENT.length, source: 'part/part.node' },
  });
});

t.test('what is in place is not staged again, unless that is asked for', async (t) => {
  const asked = request(t);
  stageNatives(asked);
  t.strictSame(stageNatives(asked), []);
  t.strictSame(stageNatives({ ...asked, verify: true }), ['ours.node']);
});

t.test('a staged file that was cut short is staged again', async (t) => {
  const asked = request(t);
  stageNatives(asked);
  truncateSync(join(asked.directory, 'ours.node'), 10);
  t.strictSame(stageNatives(asked), ['ours.node']);
  t.strictSame(readFileSync(join(asked.directory, 'ours.node')), CONTENT);
});

t.test('an unreadable natives.json means that nothing is in place', async (t) => {
  const asked = request(t);
  stageNatives(asked);
  writeFileSync(join(asked.directory, 'natives.json'), '{');
  t.strictSame(stageNatives(asked), ['ours.node']);
});

t.test('a package whose file changed stops the staging with its name', async (t) => {
  const asked = request(t, { source: '0'.repeat(64) });
  t.throws(() => stageNatives(asked), {
    message: `The package part changed: its part.node has sha256 ${DIGEST}, packaging/natives/pins.json expects ${'0'.repeat(64)}. Run npm ci for the pinned version; after a deliberate update, check the new file and pin it.`,
  });
});

t.test('a result that differs from its pin stops the staging, too', async (t) => {
  t.throws(() => stageNatives(request(t, { sha256: '1'.repeat(64) })), { message: /^ours\.node, made from part, has/ });
});

t.test('a package that is not installed is named with the remedy', async (t) => {
  const asked = { ...request(t), modules: [] };
  t.throws(() => stageNatives(asked), {
    message: 'ours.node comes from the package part, which is not installed: run npm ci.',
  });
});

t.test('an architecture without pins is refused', async (t) => {
  t.throws(() => stageNatives({ ...request(t), arch: 'arm64' }), { message: /no native files for linux-arm64/ });
});

t.test('both architectures pin the same files', async (t) => {
  const pins = JSON.parse(readFileSync(join(ROOT, 'packaging/natives/pins.json'), 'utf8')) as Pins;
  t.strictSame(Object.keys(pins), ['linux-x64', 'linux-arm64']);
  t.strictSame(Object.keys(pins['linux-x64']!), Object.keys(pins['linux-arm64']!));
});

t.test('the packages for the other architecture have the versions of the main lockfile', async (t) => {
  const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
  const main = read('package.json');
  for (const arch of ['x64', 'arm64']) {
    const cross = read(`packaging/natives/cross/${arch}/package.json`);
    t.strictSame(cross.dependencies, {
      [`@koromix/koffi-linux-${arch}`]: main.dependencies.koffi,
      [`node-linux-${arch}`]: main.optionalDependencies[`node-linux-${arch}`],
    });
    const locked = read(`packaging/natives/cross/${arch}/package-lock.json`).packages;
    for (const [name, version] of Object.entries(cross.dependencies)) {
      t.match(locked[`node_modules/${name}`], { version, integrity: /^sha512-/ });
      t.notOk('resolved' in locked[`node_modules/${name}`], 'no registry host in the lockfile');
    }
  }
});
