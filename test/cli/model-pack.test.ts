import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createIo } from '../../src/cli/io.ts';
import { type PackDeps, packCommand } from '../../src/cli/model-pack.ts';
import { SidecarError } from '../../src/core/errors.ts';
import { createKeyPair } from '../../src/models/bundle-file/private-key.ts';
import { parsePublicKey } from '../../src/models/bundle-file/public-key.ts';
import { trusting } from '../fixtures/archive.ts';
import { sha256, writeTinyBundle } from '../fixtures/bundle.ts';

async function run(argv: string[], deps: PackDeps = { verify: trusting }) {
  const [out, err]: [string[], string[]] = [[], []];
  const io = createIo({ write: (text: string) => out.push(text) }, { write: (text: string) => err.push(text) }, {});
  const status = await packCommand(argv, io, deps);
  return { status, out: out.join(''), err: err.join('') };
}

const bundleIn = (t: { testdir(): string }) => {
  const scratch = t.testdir();
  return { scratch, directory: writeTinyBundle(join(scratch, 'bundle')).directory, out: join(scratch, 'x.tcnmodel') };
};

t.test('pack makes the file and says what is in it', async (t) => {
  const { directory, out } = bundleIn(t);
  writeFileSync(join(directory, 'notes.pt'), '');
  const ran = await run([directory, '--out', out]);
  const bytes = readFileSync(out);
  t.match(ran, { status: 0, err: '' });
  t.match(ran.out, `✓ tiny@1 in ${out}, ${bytes.length} bytes`);
  t.match(ran.out, `sha256     ${sha256(bytes)}`);
  t.match(ran.out, /files +manifest\.yaml, SHA256SUMS, golden\.json, model\.onnx\n/);
  t.match(ran.out, /left out +notes\.pt\n +signed by +nobody/);
});

t.test('the file is called after the model, in the current directory', async (t) => {
  const { directory, scratch } = bundleIn(t);
  const before = process.cwd();
  process.chdir(scratch);
  t.teardown(() => process.chdir(before));
  t.match(JSON.parse((await run([directory, '--json'])).out), { ok: true, file: 'tiny-1.tcnmodel', signedBy: [] });
  t.match(await run([directory]), { status: 64, err: /tiny-1\.tcnmodel exists already/ });
  t.match(await run([directory, '--force']), { status: 0 });
});

t.test('--key signs at once; a key that others can read is a warning', async (t) => {
  const { directory, scratch, out } = bundleIn(t);
  const pair = createKeyPair('');
  const key = join(scratch, 'my.key');
  writeFileSync(key, pair.privateKeyPem, { mode: 0o600 });
  const args = [directory, '--out', out, '--key', key, '--json', '--force'];
  const ran = await run(args);
  t.match(JSON.parse(ran.out), { signedBy: [parsePublicKey(pair.publicKey).id] });
  t.equal(ran.err, '');
  chmodSync(key, 0o644);
  t.match(await run(args), { status: 0, err: /warning: .*my\.key can be read by other users.*chmod 600/ });
});

t.test('what goes wrong is said, with the status of its kind', async (t) => {
  const { directory, out } = bundleIn(t);
  const verify = () => Promise.reject(new SidecarError('MODEL_INVALID', 'the golden windows differ'));
  const ran = await run([directory, '--out', out, '--json'], { verify });
  t.match(ran, { status: 65, err: /golden windows differ/ });
  t.match(JSON.parse(ran.out), { ok: false, error: { code: 'MODEL_INVALID' } });
  t.match(await run([]), { status: 64, err: /model pack needs a bundle directory/ });
  t.match(await run([directory, '--key', '/nowhere']), { status: 64, err: /key file \/nowhere cannot be read/ });
  await t.rejects(run([directory, '--ot', 'x']), { code: 'USAGE', message: /--out/ });
  t.match(await run(['--help']), { status: 0, out: /pack DIR/ });
});
