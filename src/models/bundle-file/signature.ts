import { sign, verify } from 'node:crypto';
import { SidecarError } from '../../core/errors.ts';
import { type Inventory, verifyDigests } from './digest-list.ts';
import { invalid, SIGNATURES } from './member-rules.ts';
import { parsePrivateKey } from './private-key.ts';
import { keyIdOf, type PublicKey, parsePublicKey } from './public-key.ts';

/**
 * SHA256SUMS.sig has a line "ed25519:<key id> <base64 of the 64 bytes>" per signature over the bytes of SHA256SUMS.
 * By hand, with coreutils and openssl, KEY being what follows "ed25519:" in the public key:
 *
 *   tar xf NAME-VERSION.tcnmodel && sha256sum -c SHA256SUMS
 *   (printf '0*0\005\006\003+ep\003!\000'; echo KEY | base64 -d) | openssl pkey -pubin -inform DER -out key.pem
 *   head -n 1 SHA256SUMS.sig | cut -d ' ' -f 2 | base64 -d > signature
 *   openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in SHA256SUMS -sigfile signature
 */
export interface Signature {
  readonly keyId: string;
  /** Base64. */
  readonly value: string;
}

const MAX_SIGNATURES = 16;
const LINE = /^ed25519:([0-9a-f]{16}) ([A-Za-z0-9+/]{86}==)$/;

/** Sorted by key, so that the order of signing leaves no trace. */
export function formatSignatures(signatures: readonly Signature[]): string {
  const sorted = signatures.toSorted((a, b) => (a.keyId < b.keyId ? -1 : 1));
  return sorted.map(({ keyId, value }) => `ed25519:${keyId} ${value}\n`).join('');
}

/** Throws MODEL_INVALID naming the line that is no signature. */
export function parseSignatures(text: string, label: string): Signature[] {
  const lines = text.split('\n');
  const remedy = 'Copy the bundle again, or sign it anew.';
  if (lines.pop() !== '') throw invalid(`${label}: ${SIGNATURES} does not end with a line end.`, remedy);
  if (lines.length > MAX_SIGNATURES)
    throw invalid(`${label}: ${SIGNATURES} has more than ${MAX_SIGNATURES} lines.`, remedy);
  return lines.map((line, index) => {
    const [, keyId = '', value = ''] = LINE.exec(line) ?? [];
    const isCanonical = value !== '' && Buffer.from(value, 'base64').toString('base64') === value;
    if (isCanonical) return { keyId, value };
    throw invalid(`${label}: line ${index + 1} of ${SIGNATURES} is no signature.`, remedy);
  });
}

/** The signatures with one more; that of the same key is replaced. Throws USAGE (no private key), MODEL_INVALID (too many). */
export function addSignature(list: Uint8Array, existing: readonly Signature[], privateKeyPem: string): Signature[] {
  const { privateKey, publicKey } = parsePrivateKey(privateKeyPem);
  const keyId = keyIdOf(publicKey);
  const others = existing.filter((signature) => signature.keyId !== keyId);
  if (others.length === MAX_SIGNATURES) {
    throw invalid(`The bundle has ${MAX_SIGNATURES} signatures already.`, `Take lines out of ${SIGNATURES} first.`);
  }
  return [...others, { keyId, value: sign(null, list, privateKey).toString('base64') }];
}

export interface SignatureReport {
  readonly keyId: string;
  /** unknown: none of the trusted keys, so nothing can be said of it. */
  readonly verdict: 'valid' | 'invalid' | 'unknown';
  /** The comment of the key that it was checked with; '' where there is none. */
  readonly comment: string;
}

/** What the trusted keys say of each signature. Throws MODEL_INVALID when the signatures cannot be read. */
export function describeTrust(inventory: Inventory, trustedKeys: readonly string[], label: string): SignatureReport[] {
  const keys = trustedKeys.map(parsePublicKey);
  const list = inventory.list ?? Buffer.alloc(0);
  return parseSignatures(inventory.signatures ?? '', label).map((signature) => judge(signature, list, keys));
}

function judge({ keyId, value }: Signature, list: Buffer, keys: readonly PublicKey[]): SignatureReport {
  const candidates = keys.filter(({ id }) => id === keyId);
  const match = candidates.find(({ key }) => verify(null, list, key, Buffer.from(value, 'base64')));
  if (match !== undefined) return { keyId, verdict: 'valid', comment: match.comment };
  return { keyId, verdict: candidates.length > 0 ? 'invalid' : 'unknown', comment: candidates[0]?.comment ?? '' };
}

export interface TrustRules {
  /** Lines as in model.trusted_keys. */
  readonly trustedKeys: readonly string[];
  /** Where the bundle was before: on a disk of this machine, or somewhere else. */
  readonly origin: 'local' | 'remote';
}

export interface Trust {
  /** The key id of a valid signature by a trusted key; null when none is asked for. */
  readonly signedBy: string | null;
}

/**
 * Verifies the digests of a bundle directory or archive, then who signed them. Throws MODEL_INVALID, MODEL_UNTRUSTED,
 * and USAGE when a trusted key is none.
 */
export async function requireTrust(path: string, rules: TrustRules): Promise<Trust> {
  return requireSigned(await verifyDigests(path), rules, path);
}

/** The same for a bundle whose digests were verified already. */
export function requireSigned(inventory: Inventory, { trustedKeys, origin }: TrustRules, label: string): Trust {
  const reports = describeTrust(inventory, trustedKeys, label);
  const valid = reports.find(({ verdict }) => verdict === 'valid');
  if (valid !== undefined) return { signedBy: valid.keyId };
  if (trustedKeys.length > 0) throw new SidecarError('MODEL_UNTRUSTED', `${label} ${whyUntrusted(reports)}`);
  if (origin === 'local') return { signedBy: null };
  throw new SidecarError(
    'MODEL_UNTRUSTED',
    `${label} comes from elsewhere, and no key is trusted here: put the public key of whoever signs it into model.trusted_keys, or copy it here and check its sha256 yourself before you install it from the disk.`,
  );
}

function whyUntrusted(reports: readonly SignatureReport[]): string {
  const invalidOne = reports.find(({ verdict }) => verdict === 'invalid');
  if (invalidOne !== undefined) {
    return `has a signature by the trusted key ${invalidOne.keyId} that does not match: the files were changed after it was signed. Get the bundle from its source again.`;
  }
  if (reports.length === 0) {
    return 'is not signed, and where keys are trusted (model.trusted_keys, --key) a signature must be: sign it with "hailo-tcn-sidecar model sign".';
  }
  const ids = reports.map(({ keyId }) => keyId).join(', ');
  return `is signed by the unknown key ${ids}: sign it with a trusted key, or add its public key to model.trusted_keys if you trust whoever has it.`;
}
