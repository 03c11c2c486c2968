import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import t from 'tap';
import { SidecarError } from '../../../src/core/errors.ts';
import type { Manifest } from '../../../src/core/manifest.ts';
import { readArchive } from '../../../src/models/bundle-file/bundle-members.ts';
import { requireDigests, takeInventory, verifyDigests } from '../../../src/models/bundle-file/digest-list.ts';
import { packBundle } from '../../../src/models/bundle-file/pack.ts';
import { createKeyPair } from '../../../src/models/bundle-file/private-key.ts';
import { parsePublicKey } from '../../../src/models/bundle-file/public-key.ts';
import { signBundle } from '../../../src/models/bundle-file/sign-bundle.ts';
import { requireSigned, requireTrust } from '../../../src/models/bundle-file/signature.ts';
import { readTar } from '../../../src/models/bundle-file/tar.ts';
import { inChunks, packInto, readAll, trusting } from '../../fixtures/archive.ts';
import { sha256, writeTinyBundle } from '../../fixtures/bundle.ts';

const [ours, theirs] = [createKeyPair('ours'), createKeyPair('theirs')];
const idOf = ({ publicKey }: { publicKey: string }) => parsePublicKey(publicKey).id;
const bundleIn = (t: { testdir(): string }, change: Partial<Manifest> = {}) => {
  const scratch = t.testdir();
  return { scratch, directory: writeTinyBundle(join(scratch, 'bundle'), {}, change).directory };
};

t.test('a bundle file has the manifest, its list, then what the manifest names and documents', async (t) => {
  const { scratch, directory } = bundleIn(t);
  for (const name of [
    'MODEL_CARD.md',
    'LICENCE',
    'evaluation.json',
    'checkpoint.pt',
    'model.key',
    '.hidden',
    'old.json~',
  ])
    writeFileSync(join(directory, name), name);
  mkdirSync(join(directory, 'examples'));
  const packed = await packInto(scratch, directory);
  const files = [
    'manifest.yaml',
    'SHA256SUMS',
    'LICENCE',
    'MODEL_CARD.md',
    'evaluation.json',
    'golden.json',
    'model.onnx',
  ];
  const bytes = readFileSync(packed.file);
  t.match(packed, { name: 'tiny', version: '1', bytes: bytes.length, sha256: sha256(bytes), files, signedBy: [] });
  t.same(packed.ignored, ['.hidden', 'checkpoint.pt', 'model.key', 'old.json~', 'examples/']);
  t.same([...(await readAll(readArchive(packed.file))).keys()], files);
  t.equal(statSync(packed.file).mode & 0o777, 0o644);
});

t.test('tar lists and extracts it, and sha256sum -c passes', async (t) => {
  const { scratch, directory } = bundleIn(t);
  const { file, files } = await packInto(scratch, directory, { privateKeyPem: ours.privateKeyPem });
  const lines = execFileSync('tar', ['-tvf', file, '--utc'], { encoding: 'utf8' }).trim().split('\n');
  t.same(
    lines.map((line) => line.split(' ').at(-1)),
    files,
  );
  for (const line of lines) t.match(line, /^-rw-r--r-- 0\/0 .*1970-01-01 00:00/);
  const to = mkdtempSync(join(scratch, 'to-'));
  execFileSync('tar', ['-xf', file, '-C', to]);
  const said = execFileSync('sha256sum', ['--strict', '-c', 'SHA256SUMS'], { cwd: to, encoding: 'utf8' });
  t.equal(said, 'golden.json: OK\nmanifest.yaml: OK\nmodel.onnx: OK\n');
  for (const name of ['manifest.yaml', 'golden.json', 'model.onnx'])
    t.same(readFileSync(join(to, name)), readFileSync(join(directory, name)));
});

t.test('the same content gives the same bytes, wherever, whenever and by whom', async (t) => {
  const { scratch, directory } = bundleIn(t);
  const other = writeTinyBundle(join(scratch, 'other')).directory;
  utimesSync(join(other, 'golden.json'), 1, 1);
  chmodSync(join(other, 'model.onnx'), 0o600);
  const options = { privateKeyPem: ours.privateKeyPem };
  const [a, b] = [await packInto(scratch, directory, options), await packInto(scratch, other, options)];
  t.same(readFileSync(a.file), readFileSync(b.file));
  const to = mkdtempSync(join(scratch, 'to-'));
  execFileSync('tar', ['-xf', a.file, '-C', to]);
  const again = await packInto(scratch, to);
  t.same(readFileSync(again.file), readFileSync(a.file), 'unpacked and packed again, its signature too');
});

t.test('a signature of other files stays behind, and the result says so', async (t) => {
  const { scratch, directory } = bundleIn(t);
  const { file } = await packInto(scratch, directory, { privateKeyPem: ours.privateKeyPem });
  const to = mkdtempSync(join(scratch, 'to-'));
  execFileSync('tar', ['-xf', file, '-C', to]);
  writeFileSync(join(to, 'CARD.md'), 'new');
  const again = await packInto(scratch, to);
  t.match(again, { ignored: ['SHA256SUMS.sig'], signedBy: [] });
  t.ok((await verifyDigests(again.file)).digests.has('CARD.md'));
});

t.test('signing afterwards gives the same file as signing at once, in any order', async (t) => {
  const { scratch, directory } = bundleIn(t);
  const both = await packInto(scratch, directory, { privateKeyPem: ours.privateKeyPem });
  const later = await packInto(scratch, directory);
  await signBundle(later.file, theirs.privateKeyPem);
  const signed = await signBundle(later.file, ours.privateKeyPem);
  t.same(signed, { path: later.file, keyId: idOf(ours), signedBy: [idOf(ours), idOf(theirs)].sort() });
  await signBundle(both.file, theirs.privateKeyPem);
  t.same(readFileSync(both.file), readFileSync(later.file));
  t.same(readdirSync(join(later.file, '..')), ['tiny.tcnmodel'], 'nothing is left beside it');
});

t.test('a signed copy leaves the first file as it is', async (t) => {
  const { scratch, directory } = bundleIn(t);
  const { file, sha256: before } = await packInto(scratch, directory);
  const out = join(scratch, 'signed.tcnmodel');
  await signBundle(file, ours.privateKeyPem, out);
  t.equal(sha256(readFileSync(file)), before);
  t.match(await requireTrust(out, { trustedKeys: [ours.publicKey], origin: 'local' }), { signedBy: idOf(ours) });
  await t.rejects(signBundle(file, ours.privateKeyPem, out), { code: 'USAGE', message: /exists already/ });
});

t.test('a directory is signed in its place, when it is a whole bundle', async (t) => {
  const { scratch, directory } = bundleIn(t);
  await t.rejects(signBundle(directory, ours.privateKeyPem), { code: 'MODEL_INVALID', message: /no SHA256SUMS/ });
  const { file } = await packInto(scratch, directory);
  execFileSync('tar', ['-xf', file, '-C', directory]);
  await signBundle(directory, ours.privateKeyPem);
  t.match(await requireTrust(directory, { trustedKeys: [ours.publicKey], origin: 'local' }), { signedBy: idOf(ours) });
  await t.rejects(signBundle(directory, ours.privateKeyPem, 'x'), { code: 'USAGE', message: /in its place/ });
  writeFileSync(join(directory, 'golden.json'), 'changed');
  await t.rejects(signBundle(directory, theirs.privateKeyPem), { code: 'MODEL_INVALID', message: /golden\.json/ });
});

t.test('what could not be served is not packed', async (t) => {
  const { scratch, directory } = bundleIn(t);
  const verify = () => Promise.reject(new SidecarError('MODEL_INVALID', 'the golden windows differ'));
  await t.rejects(packInto(scratch, directory, { verify }), { message: /golden windows differ/ });
  const out = readdirSync(scratch).find((name) => name.startsWith('out-'))!;
  t.same(readdirSync(join(scratch, out)), []);
});

t.test('what changes between the check and the packing is not packed', async (t) => {
  const { scratch, directory } = bundleIn(t);
  const verify = async () => {
    const checked = await trusting(directory);
    writeFileSync(join(directory, 'model.onnx'), 'another model');
    return checked;
  };
  await t.rejects(packInto(scratch, directory, { verify }), { code: 'MODEL_INVALID', message: /model\.onnx changed/ });
});

t.test('too many files, bad names and bad keys are refused before anything is written', async (t) => {
  const { scratch, directory } = bundleIn(t);
  const none = () => t.fail('the model is not run for nothing') as never;
  await t.rejects(packInto(scratch, directory, { verify: none, privateKeyPem: 'x' }), { code: 'USAGE' });
  for (let i = 0; i < 12; i++) writeFileSync(join(directory, `${i}.md`), '');
  await t.rejects(packInto(scratch, directory), { code: 'MODEL_INVALID', message: /15 files .*takes 14.*folder/ });
  const linked = writeTinyBundle(join(scratch, 'linked')).directory;
  symlinkSync('/etc/hostname', join(linked, 'host.md'));
  await t.rejects(packInto(scratch, linked), { code: 'MODEL_INVALID', message: /link to .*outside/ });
});

t.test('nothing is overwritten unasked, and only a bundle file is replaced', async (t) => {
  const { scratch, directory } = bundleIn(t);
  const options = { verify: trusting };
  const out = join(scratch, 'x.tcnmodel');
  await packBundle(directory, out, options);
  await t.rejects(packBundle(directory, out, options), { code: 'USAGE', message: /exists already.*--force/ });
  await packBundle(directory, out, { ...options, replace: true });
  const letter = join(scratch, 'letter');
  writeFileSync(letter, 'Dear reader,');
  for (const taken of [letter, directory]) {
    await t.rejects(packBundle(directory, taken, { ...options, replace: true }), {
      code: 'USAGE',
      message: /no bundle file, so --force does not replace it/,
    });
  }
  t.equal(readFileSync(letter, 'utf8'), 'Dear reader,');
});

t.test('the service can read it whatever the umask of whoever packs', async (t) => {
  const { scratch, directory } = bundleIn(t);
  const before = process.umask(0o077);
  t.teardown(() => process.umask(before));
  const { file } = await packInto(scratch, directory);
  t.equal(statSync(file).mode & 0o777, 0o644);
});

t.test('a place that cannot be written to is named, and nothing stays there', async (t) => {
  const { scratch, directory } = bundleIn(t);
  const out = join(scratch, 'no', 'such', 'x.tcnmodel');
  await t.rejects(packBundle(directory, out, { verify: trusting }), {
    code: 'UNAVAILABLE',
    message: /x\.tcnmodel cannot be written: ENOENT.*Create its directory first/,
  });
  await t.rejects(packBundle(directory, '/dev/full/x', { verify: trusting }), { message: /cannot be written/ });
});

t.test('any byte of a signed file that is changed is found, any cut too', async (t) => {
  const { scratch, directory } = bundleIn(t);
  writeFileSync(join(directory, 'CARD.md'), 'A card.');
  const { file } = await packInto(scratch, directory, { privateKeyPem: ours.privateKeyPem });
  const bytes = readFileSync(file);
  const trust = async (content: Uint8Array) => {
    const inventory = await takeInventory(readTar(inChunks(content, 4096), { maxBytes: 1 << 30 }));
    requireDigests(inventory, 'x');
    return requireSigned(inventory, { trustedKeys: [ours.publicKey], origin: 'remote' }, 'x');
  };
  t.same(await trust(bytes), { signedBy: idOf(ours) });
  const refused = /^MODEL_(INVALID|UNTRUSTED)$/;
  const codeOf = (content: Uint8Array) =>
    trust(content).then(
      () => 'taken',
      (thrown: SidecarError) => thrown.code,
    );
  // The headers and the small files byte by byte, what is between by chance.
  const mutation = fc.tuple(
    fc.oneof(fc.nat({ max: 6 * 512 }), fc.nat({ max: bytes.length - 1 })),
    fc.integer({ min: 1, max: 255 }),
  );
  await fc.assert(
    fc.asyncProperty(mutation, async ([at, change]) => {
      const changed = Buffer.from(bytes);
      changed[at]! ^= change;
      return refused.test(await codeOf(changed));
    }),
    { numRuns: 600 },
  );
  for (let at = 0; at < bytes.length; at += 512) {
    for (const cut of [at, at + 1, at + 511].filter((length) => length < bytes.length))
      if (!refused.test(await codeOf(bytes.subarray(0, cut)))) t.fail(`cut at ${cut} was taken`);
  }
});
