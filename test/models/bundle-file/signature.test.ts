import { execFileSync, spawnSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createKeyPair, parsePrivateKey } from '../../../src/models/bundle-file/private-key.ts';
import { parsePublicKey, whyNoPublicKey } from '../../../src/models/bundle-file/public-key.ts';
import { signBundle } from '../../../src/models/bundle-file/sign-bundle.ts';
import {
  addSignature,
  formatSignatures,
  parseSignatures,
  requireTrust,
} from '../../../src/models/bundle-file/signature.ts';
import { packInto } from '../../fixtures/archive.ts';
import { sha256, writeTinyBundle } from '../../fixtures/bundle.ts';

const [ours, theirs, third] = [createKeyPair('ours'), createKeyPair('theirs'), createKeyPair('')];
const idOf = ({ publicKey }: { publicKey: string }) => parsePublicKey(publicKey).id;
const OURS = { trustedKeys: [ours.publicKey], origin: 'local' } as const;

/** A bundle file, signed with these keys. */
async function signed(t: { testdir(): string }, ...keys: readonly { privateKeyPem: string }[]): Promise<string> {
  const scratch = t.testdir();
  const { file } = await packInto(scratch, writeTinyBundle(join(scratch, 'bundle')).directory);
  for (const { privateKeyPem } of keys) await signBundle(file, privateKeyPem);
  return file;
}

function unpack(file: string): string {
  const directory = `${file}.d`;
  mkdirSync(directory);
  execFileSync('tar', ['-xf', file, '-C', directory]);
  return directory;
}

t.test('a bundle that a trusted key signed is trusted, as a file and unpacked', async (t) => {
  const file = await signed(t, ours);
  t.same(await requireTrust(file, OURS), { signedBy: idOf(ours) });
  t.same(await requireTrust(unpack(file), { ...OURS, origin: 'remote' }), { signedBy: idOf(ours) });
});

t.test('an unsigned one is allowed from the local disk only, and only where no key is trusted', async (t) => {
  const file = await signed(t);
  t.same(await requireTrust(file, { trustedKeys: [], origin: 'local' }), { signedBy: null });
  await t.rejects(requireTrust(file, { trustedKeys: [], origin: 'remote' }), {
    code: 'MODEL_UNTRUSTED',
    message: /comes from elsewhere.*model\.trusted_keys/,
  });
  await t.rejects(requireTrust(file, OURS), { code: 'MODEL_UNTRUSTED', message: /is not signed.*model sign/ });
});

t.test('a signature that nobody can check proves nothing', async (t) => {
  const file = await signed(t, theirs);
  t.same(await requireTrust(file, { trustedKeys: [], origin: 'local' }), { signedBy: null });
  await t.rejects(requireTrust(file, { trustedKeys: [], origin: 'remote' }), { code: 'MODEL_UNTRUSTED' });
  await t.rejects(requireTrust(file, OURS), {
    code: 'MODEL_UNTRUSTED',
    message: new RegExp(`signed by the unknown key ${idOf(theirs)}`),
  });
});

t.test('one trusted signature of several is enough, so keys can be changed over', async (t) => {
  const file = await signed(t, theirs, ours, third);
  t.same(await requireTrust(file, OURS), { signedBy: idOf(ours) });
  t.same(await requireTrust(file, { ...OURS, trustedKeys: [third.publicKey] }), { signedBy: idOf(third) });
});

t.test('files and list that were changed together are found by the signature', async (t) => {
  const directory = unpack(await signed(t, ours));
  const list = readFileSync(join(directory, 'SHA256SUMS'), 'utf8');
  const golden = readFileSync(join(directory, 'golden.json'));
  writeFileSync(join(directory, 'golden.json'), '{}');
  await t.rejects(
    requireTrust(directory, OURS),
    { code: 'MODEL_INVALID', message: /golden\.json is not/ },
    'digests first',
  );
  writeFileSync(join(directory, 'SHA256SUMS'), list.replace(sha256(golden), sha256('{}')));
  await t.rejects(requireTrust(directory, OURS), {
    code: 'MODEL_UNTRUSTED',
    message: new RegExp(`trusted key ${idOf(ours)} that does not match: the files were changed`),
  });
});

t.test('signatures in one order, whoever signed first; signing again changes nothing', async (t) => {
  const list = Buffer.from('list');
  const by = (...keys: readonly { privateKeyPem: string }[]) =>
    formatSignatures(
      keys.reduce<ReturnType<typeof parseSignatures>>((all, key) => addSignature(list, all, key.privateKeyPem), []),
    );
  t.equal(by(ours, theirs), by(theirs, ours, theirs));
  t.same(parseSignatures(by(ours, theirs), 'x').length, 2);
});

t.test('no more than 16 signatures', async (t) => {
  const all = Array.from({ length: 16 }, (_, i) => ({ keyId: String(i).padStart(16, '0'), value: '' }));
  t.throws(() => addSignature(Buffer.from(''), all, ours.privateKeyPem), {
    code: 'MODEL_INVALID',
    message: /16 signatures/,
  });
});

t.test('a file of signatures is refused with the line that is none', async (t) => {
  const [signature] = addSignature(Buffer.from(''), [], ours.privateKeyPem);
  const line = formatSignatures([signature!]);
  const bad: readonly [string, RegExp][] = [
    ['\n', /line 1 of SHA256SUMS\.sig is no signature/],
    [`${line}x\n`, /line 2/],
    [line.trim(), /does not end with a line end/],
    [line.replace('ed25519:', 'rsa:'), /line 1/],
    [line.replace(/.==/, '1=='), /line 1/], // bits behind the last byte
    [line.replace(' ', '  '), /line 1/],
    [line.repeat(17), /more than 16 lines/],
  ];
  for (const [text, message] of bad) t.throws(() => parseSignatures(text, 'x'), { code: 'MODEL_INVALID', message });
});

t.test('a public key is a line, with a comment or without', async (t) => {
  for (const { publicKey } of [ours, third]) t.equal(whyNoPublicKey(publicKey), null);
  t.match(parsePublicKey(`${ours.publicKey} of the workshop\n`), {
    comment: 'ours of the workshop',
    id: /^[0-9a-f]{16}$/,
  });
  const raw = Buffer.from(parsePublicKey(third.publicKey).key.export({ format: 'jwk' }).x!, 'base64url');
  t.equal(idOf(third), sha256(raw).slice(0, 16));
});

const weak = Buffer.alloc(32);
const notKeys: readonly [what: string, text: string, why: RegExp][] = [
  ['nothing', ' ', /it is empty/],
  ['a private key', ours.privateKeyPem, /PRIVATE key/],
  ['PEM', '-----BEGIN PUBLIC KEY-----\nx', /PEM form/],
  ['a key of SSH', 'ssh-ed25519 AAAA me@box', /a key of SSH, which signs with other files; wanted is/],
  ['a key of SSH of another kind', 'ssh-rsa AAAA me@box', /SSH, and of another kind/],
  ['two lines', `${ours.publicKey}\n${theirs.publicKey}`, /more than one line/],
  ['another word', 'AAAA', /does not begin with "ed25519:"/],
  ['no base64', 'ed25519:?', /not base64/],
  ['base64 without its end', ours.publicKey.replace('=', ''), /not base64/],
  ['too few bytes', 'ed25519:AAAA', /it has 3 bytes/],
  ['zeros', `ed25519:${weak.toString('base64')}`, /anybody could sign/],
];
for (const [what, text, why] of notKeys) {
  t.test(`no public key: ${what}, and the sentence says so without the text`, async (t) => {
    t.match(whyNoPublicKey(text), why);
    t.throws(() => parsePublicKey(text), { code: 'USAGE', message: why });
    const secret = ours.privateKeyPem.split('\n')[1]!;
    t.notOk(whyNoPublicKey(text)?.includes(secret));
  });
}

/** Whether eight times the point is the neutral one, by the formulas of RFC 8032. */
function isSmallOrder(raw: Uint8Array): boolean {
  const p = 2n ** 255n - 19n;
  const mod = (a: bigint) => ((a % p) + p) % p;
  const power = (base: bigint, e: bigint): bigint =>
    e === 0n ? 1n : mod(power(mod(base * base), e / 2n) * (e % 2n === 1n ? base : 1n));
  const divide = (a: bigint, b: bigint) => mod(a * power(mod(b), p - 2n));
  const d = divide(-121665n, 121666n);
  let y = BigInt(`0x${Buffer.from(raw).reverse().toString('hex')}`) % 2n ** 255n;
  let xx = divide(y * y - 1n, d * y * y + 1n);
  for (let i = 0; i < 3; i++) {
    const yy = mod(y * y);
    const product = mod(d * xx * yy);
    y = divide(yy + xx, 1n - product);
    xx = divide(4n * xx * yy, (1n + product) ** 2n);
  }
  return y === 1n && xx === 0n;
}

t.test('points of small order, which need no private key to sign for, are refused', async (t) => {
  const points = [
    '00'.repeat(32),
    `01${'00'.repeat(31)}`,
    ...['ec', 'ed', 'ee'].map((first) => `${first}${'ff'.repeat(30)}7f`),
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  ].map((hex) => Buffer.from(hex, 'hex'));
  for (const raw of points) {
    t.ok(isSmallOrder(raw));
    t.match(whyNoPublicKey(`ed25519:${raw.toString('base64')}`), /anybody could sign/);
    raw[31]! |= 0x80;
    t.match(whyNoPublicKey(`ed25519:${raw.toString('base64')}`), /anybody could sign/, 'with the other sign');
  }
  const real = parsePublicKey(ours.publicKey).key.export({ format: 'jwk' }).x!;
  t.notOk(isSmallOrder(Buffer.from(real, 'base64url')));
});

t.test('what is no private key is said, without the text', async (t) => {
  const pem = (type: 'pkcs1' | 'pkcs8') =>
    generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type, format: 'pem' }).toString();
  const encrypted = createPrivateKey(ours.privateKeyPem)
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString();
  const bad: readonly [string, RegExp][] = [
    [pem('pkcs8'), /of the kind rsa/],
    [pem('pkcs1'), /of the kind rsa/],
    [encrypted, /encrypted.*\/dev\/stdin/],
    ['-----BEGIN OPENSSH PRIVATE KEY-----\n', /a key of SSH/],
    [ours.publicKey, /the public key/],
    ['hello', /not in PEM form/],
    [ours.privateKeyPem.replace(/\n.{9}/, '\nAAAAAAAAA'), /cannot be decoded/],
  ];
  for (const [text, message] of bad) t.throws(() => parsePrivateKey(text), { code: 'USAGE', message });
});

const openssl = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed';

t.test('openssl verifies a signature by hand, as the comment in signature.ts says', { skip: openssl }, async (t) => {
  const cwd = unpack(await signed(t, ours));
  const key = ours.publicKey.slice('ed25519:'.length).split(' ')[0];
  const comment = readFileSync(new URL('../../../src/models/bundle-file/signature.ts', import.meta.url), 'utf8');
  const steps = [...comment.matchAll(/^ \* {3}((?:\(printf|head|openssl).*)$/gm)].map((match) => match[1]!);
  t.equal(steps.length, 3);
  const run = () => spawnSync('sh', ['-ec', steps.join('\n').replace('KEY', key!)], { cwd, encoding: 'utf8' });
  t.match(run(), { status: 0, stdout: /Verified Successfully/ });
  writeFileSync(join(cwd, 'SHA256SUMS'), 'other');
  t.not(run().status, 0);
});

t.test('a key that openssl made signs as well', { skip: openssl }, async (t) => {
  const pem = execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519'], { encoding: 'utf8' });
  const file = await signed(t, { privateKeyPem: pem });
  await t.rejects(requireTrust(file, OURS), { message: /unknown key/ });
});
