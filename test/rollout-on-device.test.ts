import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startTestDaemon } from './fakes/daemon.ts';
import { infer, writeChipBundle } from './fakes/daemon-on-chip.ts';
import { askModelCommand } from './fakes/model-command.ts';
import { insertChip, type StandInChip } from './fakes/stand-in-chip.ts';

/** A daemon on a stand-in chip, with three versions in its store: two that are good, and one that the device answers too wrongly. */
async function startBox(t: Test, kind: 'auto' | 'hailo') {
  const chip = insertChip(t);
  const source = writeChipBundle(chip);
  const store = join(chip.root, 'store');
  const yaml = `server: {port: 0}
model: {store: ${store}}
backend: {kind: ${kind}, hailo: {library: ${chip.library}, timeout_ms: 200}}
inference: {deadline_ms: 1000}
`;
  const daemon = await startTestDaemon(t, { yaml, root: chip.root });
  for (const version of ['1', '2', 'strange']) {
    const bundle = versionOf(chip, source, version, version === 'strange' ? 0.99999999 : 0.98);
    await askModelCommand(daemon.configFile, 'install', bundle);
  }
  return { ...daemon, chip, model: (...argv: string[]) => askModelCommand(daemon.configFile, ...argv) };
}

function versionOf({ root }: StandInChip, source: string, version: string, cosine: number): string {
  const directory = join(root, `bundle-${version}`);
  cpSync(source, directory, { recursive: true });
  const file = join(directory, 'manifest.yaml');
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  manifest.version = version;
  manifest.artefacts[1].tolerance = { cosine };
  writeFileSync(file, JSON.stringify(manifest));
  return directory;
}

const WINDOW = Array.from({ length: 100 }, (_, i) => Array.from({ length: 9 }, (_, c) => Math.fround(Math.sin(i + c))));

t.test('the device moves to the new model under load: nothing fails, the CPU carries the gap', async (t) => {
  const box = await startBox(t, 'auto');
  t.match(await box.model('activate', 'tiny@1'), {
    ok: true,
    gates: [{}, {}, {}, {}, { name: 'device', text: /pass there/ }],
  });
  t.match(await box.model('confirm'), { ok: true });
  t.equal((await infer(box.url, WINDOW)).backend, 'hailo');
  const seen: string[] = [];
  let isOver = false;
  const ask = async () => {
    while (!isOver) {
      const { status, backend } = await infer(box.url, WINDOW);
      seen.push(`${status} ${backend}`);
    }
  };
  const askers = Array.from({ length: 4 }, ask);
  t.match(await box.model('activate', 'tiny@2'), { ok: true, serves: 'tiny@2' });
  t.match(await box.model('rollback'), { ok: true, serves: 'tiny@1' });
  while ((await infer(box.url, WINDOW)).backend !== 'hailo') await new Promise((resolve) => setTimeout(resolve, 20));
  isOver = true;
  await Promise.all(askers);
  t.same([...new Set(seen)].sort(), ['200 cpu', '200 hailo']);
});

t.test(
  'a .hef that answers too differently on the device is not let in, and the old model has the device again',
  async (t) => {
    const box = await startBox(t, 'auto');
    t.match(await box.model('activate', 'tiny@1'), { ok: true });
    t.match(await box.model('confirm'), { ok: true });
    t.match(await box.model('activate', 'tiny@strange'), {
      ok: false,
      error: { code: 'MODEL_REFUSED', message: /tiny@strange was not activated, tiny@1 serves on\. device: .*cosine/ },
    });
    while ((await infer(box.url, WINDOW)).backend !== 'hailo') await new Promise((resolve) => setTimeout(resolve, 20));
    t.match(await box.model('list'), { active: 'tiny@1' });
  },
);

t.test(
  'where only the device may compute, a swap says that it leaves a gap, and wants to hear that it may',
  async (t) => {
    const box = await startBox(t, 'hailo');
    t.equal((await infer(box.url, WINDOW)).status, 503, 'the packaged model has no .hef');
    t.match(
      await box.model('activate', 'tiny@1'),
      { ok: true, serves: 'tiny@1' },
      'nothing serves, so there is no gap',
    );
    t.match(await box.model('confirm'), { ok: true });
    t.match(await infer(box.url, WINDOW), { status: 200, backend: 'hailo' });
    t.match(await box.model('activate', 'tiny@2'), {
      ok: false,
      error: { code: 'MODEL_REFUSED', message: /--allow-gap/ },
    });
    t.match(await box.model('activate', 'tiny@strange', '--allow-gap'), {
      ok: false,
      error: { message: /tiny@1 serves on\. device/ },
    });
    while ((await infer(box.url, WINDOW)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
    t.match(await box.model('activate', 'tiny@2', '--allow-gap'), { ok: true, serves: 'tiny@2', failure: null });
    t.match(await infer(box.url, WINDOW), { status: 200, backend: 'hailo' });
    t.match(await box.model('rollback'), { ok: true, serves: 'tiny@1' });
    t.match(await infer(box.url, WINDOW), { status: 200, backend: 'hailo' });
  },
);
