import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createIo, type Io } from '../../src/cli/io.ts';
import { keygenCommand, signCommand } from '../../src/cli/model-sign.ts';
import { verifyCommand } from '../../src/cli/model-verify.ts';
import { parsePublicKey } from '../../src/models/bundle-file/public-key.ts';
import { packInto } from '../fixtures/archive.ts';
import { writeTinyBundle } from '../fixtures/bundle.ts';

async function run(command: (io: Io) => Promise<number>) {
  const [out, err]: [string[], string[]] = [[], []];
  const io = createIo({ write: (text: string) => out.push(text) }, { write: (text: string) => err.push(text) }, {});
  const status = await command(io);
  return { status, out: out.join(''), err: err.join('') };
}

const keygen = (...argv: string[]) => run((io) => keygenCommand(argv, io));
const sign = (...argv: string[]) => run((io) => signCommand(argv, io));
const verify = (trusted: readonly string[], ...argv: string[]) =>
  run((io) => verifyCommand(argv, io, { trustedKeys: () => trusted }));

/** A bundle file and a pair of keys beside it. */
async function setUp(t: { testdir(): string }) {
  const scratch = t.testdir();
  const { file } = await packInto(scratch, writeTinyBundle(join(scratch, 'bundle')).directory);
  const prefix = join(scratch, 'ours');
  const publicKey = (await keygen('--out', prefix)).out.trim();
  return { scratch, file, key: `${prefix}.key`, pub: `${prefix}.pub`, publicKey, id: parsePublicKey(publicKey).id };
}

t.test('keygen makes two files and prints the line for the configuration', async (t) => {
  const prefix = join(t.testdir(), 'the workshop');
  const ran = await keygen('--out', prefix);
  t.match(ran, { status: 0, out: /^ed25519:\S{44} the-workshop\n$/, err: /model\.trusted_keys/ });
  t.equal(readFileSync(`${prefix}.pub`, 'utf8'), ran.out);
  t.equal(statSync(`${prefix}.key`).mode & 0o777, 0o600);
  t.match(await keygen('--out', prefix), { status: 64, err: /the workshop\.key exists already, and a key is never/ });
});

t.test('keygen leaves nothing half made', async (t) => {
  const directory = t.testdir({ 'a.pub': 'older' });
  t.match(await keygen('--out', join(directory, 'a')), { status: 64, err: /a\.pub exists already/ });
  t.notOk(existsSync(join(directory, 'a.key')));
  t.match(await keygen('--out', join(directory, 'no', 'a')), { status: 69, err: /cannot be written: ENOENT/ });
  t.match(JSON.parse((await keygen('--out', join(directory, 'b'), '--json')).out), {
    ok: true,
    keyId: /^[0-9a-f]{16}$/,
  });
});

t.test('what is signed is verified, by the file of the key, by the key and by the configuration', async (t) => {
  const { file, key, pub, publicKey, id } = await setUp(t);
  t.same(await sign(file, '--key', key), { status: 0, out: `✓ ${file} is signed by ${id}\n`, err: '' });
  for (const given of [pub, publicKey]) {
    const ran = await verify([], file, '--key', given);
    t.match(ran, { status: 0, err: '' });
    t.match(ran.out, new RegExp(`3 files, \\d+ bytes, digests match\n +signature +${id} +valid +ours\n`));
  }
  t.match(JSON.parse((await verify([publicKey], file, '--json')).out), {
    ok: true,
    signedBy: id,
    signatures: [{ keyId: id, verdict: 'valid' }],
    files: { 'manifest.yaml': /^[0-9a-f]{64}$/ },
  });
});

t.test('verify without a key says what is not known', async (t) => {
  const { file, key, id } = await setUp(t);
  t.match(await verify([], file), { status: 0, out: /signature +none/, err: /warning: No key is trusted/ });
  await sign(file, '--key', key);
  t.match(await verify([], file), { status: 0, out: new RegExp(`${id} +unknown`), err: /No key is trusted/ });
});

t.test('verify ends with 77 for the wrong signature, with 65 for the wrong content, 66 for nothing', async (t) => {
  const { scratch, file, key, publicKey } = await setUp(t);
  t.match(await verify([publicKey], file), { status: 77, err: /is not signed/ });
  const theirs = (await keygen('--out', join(scratch, 'theirs'))).out.trim();
  await sign(file, '--key', key);
  const ran = await verify([theirs], file, '--json');
  t.match(ran, { status: 77, err: /unknown key/ });
  t.match(JSON.parse(ran.out), { ok: false, error: { code: 'MODEL_UNTRUSTED' } });
  const cut = join(scratch, 'cut.tcnmodel');
  writeFileSync(cut, readFileSync(file).subarray(0, 5000));
  t.match(await verify([publicKey], cut), { status: 65, err: /cut\.tcnmodel ends .* copy it again/ });
  t.match(await verify([publicKey], join(scratch, 'nothing')), { status: 66, err: /There is no bundle at/ });
});

t.test('keys come several in a file, and a wrong one is named', async (t) => {
  const { scratch, file, key, publicKey } = await setUp(t);
  await sign(file, '--key', key);
  const ring = join(scratch, 'ring');
  const theirs = (await keygen('--out', join(scratch, 'theirs'))).out;
  writeFileSync(ring, `# ours and theirs\n\n${theirs}${publicKey}\n`);
  t.match(await verify([], file, '--key', ring), { status: 0 });
  t.match(await verify([], file, '--key', key), { status: 64, err: /ours\.key is no public key: it is a PRIVATE key/ });
  t.match(await verify([], file, '--key', 'ed25519:x'), { status: 64, err: /--key is no public key/ });
  writeFileSync(ring, '# none\n');
  t.match(await verify([], file, '--key', ring), { status: 64, err: /has no public key in it/ });
});

t.test('sign takes a directory too, and another place for the file', async (t) => {
  const { scratch, file, key } = await setUp(t);
  const out = join(scratch, 'signed.tcnmodel');
  t.match(JSON.parse((await sign(file, '--key', key, '--out', out, '--json')).out), { ok: true, path: out });
  t.match(await sign(join(scratch, 'bundle'), '--key', key), { status: 65, err: /has no SHA256SUMS.*model pack/ });
});

t.test('wrong use is told', async (t) => {
  const { file, pub } = await setUp(t);
  t.match(await sign(file), { status: 64, err: /model sign needs --key/ });
  t.match(await sign('--key', 'x'), { status: 64, err: /model sign needs a \.tcnmodel file/ });
  t.match(await sign(file, '--key', pub), { status: 64, err: /no private key to sign with: it is the public key/ });
  t.match(await verify([]), { status: 64, err: /model verify needs/ });
  for (const ran of [await keygen('-h'), await sign('-h'), await verify([], '-h')])
    t.match(ran, { status: 0, err: '' });
});
