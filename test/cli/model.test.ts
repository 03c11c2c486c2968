import t from 'tap';
import { createIo } from '../../src/cli/io.ts';
import { type ModelDeps, modelCommand } from '../../src/cli/model.ts';
import { SidecarError } from '../../src/core/errors.ts';
import type { CreateOptions } from '../../src/models/create.ts';
import { readBundle } from '../../src/parts.ts';
import { writeTinyBundle } from '../fixtures/bundle.ts';

async function run(argv: string[], deps: Partial<ModelDeps> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const io = createIo({ write: (text: string) => out.push(text) }, { write: (text: string) => err.push(text) }, {});
  const none = () => {
    throw new Error('not expected');
  };
  const status = await modelCommand(argv, io, {
    defaultBundle: none,
    load: readBundle,
    create: none,
    check: none,
    pack: { verify: none },
    verify: { trustedKeys: none },
    fitMotifs: { load: none, fit: none },
    store: none,
    ...deps,
  });
  return { status, out: out.join(''), err: err.join('') };
}

const figures = { windows: 4, cosine: 1, maxAbs: 0, medianMs: 0.5, backend: 'cpu' as const };

t.test('inspect shows what a bundle is, and that its windows pass', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  const { status, out } = await run(['inspect', directory], { check: async () => figures });
  t.equal(status, 0);
  t.match(out, /^tiny@1\n/);
  t.match(out, /motifs +12 from the model's own output/);
  t.match(out, /accuracy +not known/);
  t.match(out, /hef +none: this bundle runs on the CPU only/);
  t.match(out, /✓ 4 golden windows: cosine 1\.0000000/);
});

t.test('inspect without a name takes the configured bundle; --json is for scripts', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  const { out } = await run(['inspect', '--json'], { defaultBundle: () => directory, check: async () => figures });
  t.match(JSON.parse(out), { ok: true, directory, manifest: { name: 'tiny' }, golden: figures });
});

t.test('inspect says when the golden windows do not pass', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  const check = () => Promise.reject(new SidecarError('MODEL_INVALID', 'tiny@1 gives another latent'));
  t.match(await run(['inspect', directory], { check }), { status: 65, out: /tiny@1/, err: /gives another latent/ });
  const { status, out } = await run(['inspect', directory, '--json'], { check });
  t.equal(status, 65);
  t.match(JSON.parse(out), { ok: false, directory, error: /gives another latent/ });
});

t.test('inspect of a bundle without an .onnx says that nothing was run', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  const load = async () => ({ ...(await readBundle(directory)), artefacts: [] });
  t.match(await run(['inspect', directory], { load }), { status: 0, out: /golden windows were not run/ });
});

t.test('create hands on what was asked and says how to serve it', async (t) => {
  const { directory } = writeTinyBundle(t.testdir(), { hasMotifs: false });
  const asked: CreateOptions[] = [];
  const create = async (options: CreateOptions) => {
    asked.push(options);
    return readBundle(directory);
  };
  const { status, out } = await run(['create', '--onnx', 'a', '--config', 'b', '--out', 'c', '--bundle-version', '7'], {
    create,
  });
  t.equal(status, 0);
  t.match(asked, [
    { onnx: 'a', config: 'b', out: 'c', hef: null, motifs: null, name: null, version: '7', replace: false },
  ]);
  t.match(out, /no motif scores.*\n.*\n.*model install .*\n.*MODEL_BUNDLE=/);
});

t.test('wrong use is told, with the way to the help', async (t) => {
  await t.rejects(run(['create', '--onnx', 'a']), { code: 'USAGE', message: /--config/ });
  await t.rejects(run(['create', '--onxx', 'a']), { code: 'USAGE', message: /--onnx/ });
  await t.rejects(run(['delete']), { code: 'USAGE', message: /"delete".*--help/ });
  await t.rejects(run(['inspec']), { code: 'USAGE', message: /Did you mean "inspect"/ });
  t.match(await run(['create', '-h']), { status: 0, out: /^Usage/ });
  t.match(await run([]), { status: 0, out: /^Usage/ });
  t.match(await run(['create', '--help']), { status: 0, out: /^Usage/ });
  t.match(await run(['inspect', '--help']), { status: 0, out: /^Usage/ });
});
