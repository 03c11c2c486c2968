import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { SidecarError } from '../../core/errors.ts';

/** An Ed25519 public key as model.trusted_keys has it: "ed25519:<base64 of the 32 bytes> comment". */
export interface PublicKey {
  readonly key: KeyObject;
  /** The first 16 hex digits of sha256 over the 32 bytes. */
  readonly id: string;
  readonly comment: string;
}

const WANTED =
  'wanted is the line that "model keygen" prints: ed25519:<44 characters of base64>, then a comment if any';

/** Points of small order, the sign bit cleared: a signature for such a "key" needs no secret, unless the verifier looks. */
const WEAK = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/** What is mistaken for our line; the text itself is never shown, it may be a secret. */
const MISTAKEN: readonly (readonly [RegExp, string])[] = [
  [/^\s*$/, 'it is empty'],
  [/PRIVATE KEY/, 'it is a PRIVATE key, which belongs to whoever signs and nowhere else'],
  [/^-----BEGIN/, 'it is in PEM form'],
  [/^ssh-ed25519\s/, 'it is a key of SSH, which signs with other files'],
  [/^(ssh-|ecdsa-|sk-)/, 'it is a key of SSH, and of another kind'],
  [/[\r\n]/, 'it is more than one line'],
];

/** Why the text is no public key, without a full stop; null when it is one. */
export function whyNoPublicKey(text: string): string | null {
  const line = text.replace(/\n$/, '');
  const mistaken = MISTAKEN.find(([pattern]) => pattern.test(line));
  if (mistaken !== undefined) return `${mistaken[1]}; ${WANTED}`;
  const [, encoded] = /^ed25519:(\S*)( .*)?$/.exec(line) ?? [];
  if (encoded === undefined) return `it does not begin with "ed25519:"; ${WANTED}`;
  const raw = Buffer.from(encoded, 'base64');
  if (raw.toString('base64') !== encoded) return `what follows "ed25519:" is not base64; ${WANTED}`;
  if (raw.length !== 32) return `it has ${raw.length} bytes, an Ed25519 key has 32; ${WANTED}`;
  raw[31] = (raw[31] ?? 0) & 0x7f;
  return WEAK.has(raw.toString('hex')) ? 'it is no real key: anybody could sign for it' : null;
}

/** Throws USAGE that says what is wrong with the text. */
export function parsePublicKey(text: string): PublicKey {
  const why = whyNoPublicKey(text);
  if (why !== null) throw new SidecarError('USAGE', `This is no public key: ${why}.`);
  const [encoded = '', ...comment] = text.trim().slice('ed25519:'.length).split(' ');
  const raw = Buffer.from(encoded, 'base64');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' });
  return { key, id: toKeyId(raw), comment: comment.join(' ').trim() };
}

/** The line for model.trusted_keys. */
export function formatPublicKey(key: KeyObject, comment = ''): string {
  return `ed25519:${toRaw(key).toString('base64')} ${comment}`.trim();
}

export function keyIdOf(key: KeyObject): string {
  return toKeyId(toRaw(key));
}

function toRaw(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
}

function toKeyId(raw: Buffer): string {
  return createHash('sha256').update(raw).digest('hex').slice(0, 16);
}
