import { join } from 'node:path';
import { SidecarError } from '../../core/errors.ts';
import { isDirectory, readArchive } from './bundle-members.ts';
import { checking, verifyDigests } from './digest-list.ts';
import { toTextMember } from './member-content.ts';
import { SIGNATURES } from './member-rules.ts';
import { arrange, writeArchive } from './pack.ts';
import { parsePrivateKey } from './private-key.ts';
import { keyIdOf } from './public-key.ts';
import { addSignature, formatSignatures, parseSignatures, type Signature } from './signature.ts';
import { requireFreeFile, writeFileWhole } from './write-file.ts';

export interface Signed {
  /** Where the signature is now: the bundle file, or the directory. */
  readonly path: string;
  readonly keyId: string;
  /** All key ids, this one among them. */
  readonly signedBy: readonly string[];
}

/**
 * Adds a signature to a bundle file, or to an unpacked bundle directory, whose digests are verified first; signing
 * again with the same key changes nothing. `out` takes the signed file and leaves the first one as it is. Throws
 * MODEL_MISSING, MODEL_INVALID, USAGE (no private key; `out` is taken) and UNAVAILABLE (it cannot be written).
 */
export async function signBundle(path: string, privateKeyPem: string, out: string | null = null): Promise<Signed> {
  const keyId = keyIdOf(parsePrivateKey(privateKeyPem).publicKey);
  const isFolder = await isDirectory(path);
  await requirePlace(isFolder, out);
  const { list, digests, signatures: text } = await verifyDigests(path);
  const bytes = list ?? Buffer.alloc(0); // verifyDigests has seen one
  const signatures = addSignature(bytes, parseSignatures(text ?? '', path), privateKeyPem);
  if (isFolder) await writeSignatures(path, signatures);
  else await writeArchive(out ?? path, arrange(checking(readArchive(path), digests), bytes, signatures));
  return { path: out ?? path, keyId, signedBy: signatures.map((signature) => signature.keyId).sort() };
}

async function requirePlace(isFolder: boolean, out: string | null): Promise<void> {
  if (out === null) return;
  if (isFolder) throw new SidecarError('USAGE', `A directory is signed in its place: leave out --out ${out}.`);
  await requireFreeFile(out, false);
}

function writeSignatures(directory: string, signatures: readonly Signature[]): Promise<void> {
  const content = toTextMember(SIGNATURES, Buffer.from(formatSignatures(signatures)));
  return writeFileWhole(join(directory, SIGNATURES), content.chunks());
}
