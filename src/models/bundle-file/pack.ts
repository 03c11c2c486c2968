import { createHash } from 'node:crypto';
import type { Manifest } from '../../core/manifest.ts';
import { readDirectory } from './bundle-members.ts';
import { checking, formatDigests, type Inventory, takeInventory } from './digest-list.ts';
import { toTextMember } from './member-content.ts';
import { DIGESTS, invalid, MANIFEST, MAX_MEMBERS, SIGNATURES } from './member-rules.ts';
import type { Members } from './members.ts';
import { parsePrivateKey } from './private-key.ts';
import { type Selection, selectFiles } from './select-files.ts';
import { addSignature, formatSignatures, parseSignatures, type Signature } from './signature.ts';
import { writeTar } from './tar.ts';
import { requireFreeFile, writeFileWhole } from './write-file.ts';

export interface PackOptions {
  /** Throws what keeps the bundle from being served: its files, its task, its golden windows. */
  verify(directory: string): Promise<{ readonly manifest: Manifest }>;
  /** Signs it at once; PKCS#8 PEM. */
  readonly privateKeyPem?: string | null;
  /** A bundle file at `out` is replaced. */
  readonly replace?: boolean;
}

export interface Packed {
  readonly file: string;
  readonly name: string;
  readonly version: string;
  /** Size of the file. */
  readonly bytes: number;
  /** Of the file, 64 hex. */
  readonly sha256: string;
  /** Members, in their order. */
  readonly files: readonly string[];
  /** What of the directory is not in it; folders end with a slash. */
  readonly ignored: readonly string[];
  /** Key ids. */
  readonly signedBy: readonly string[];
}

/**
 * Makes the bundle file of a directory that could be served; `out` null is NAME-VERSION.tcnmodel in the current
 * directory. The same files give the same bytes. Signatures of exactly these files are kept. Throws what `verify`
 * throws, USAGE (`out` is taken; no key to sign with), MODEL_INVALID (the files changed meanwhile, or are too many),
 * UNAVAILABLE (it cannot be written).
 */
export async function packBundle(directory: string, out: string | null, options: PackOptions): Promise<Packed> {
  const { privateKeyPem: pem = null, replace = false } = options;
  if (pem !== null) parsePrivateKey(pem); // before the model is run
  if (out !== null) await requireFreeFile(out, replace);
  const { manifest } = await options.verify(directory);
  const selection = await selectFiles(directory, manifest);
  const inventory = await readSelected(directory, selection, manifest);
  const list = Buffer.from(formatDigests(inventory.digests));
  const kept = inventory.list?.equals(list) ? parseSignatures(inventory.signatures ?? '', directory) : [];
  const signatures = pem === null ? kept : addSignature(list, kept, pem);
  const file = out ?? `${manifest.name}-${manifest.version}.tcnmodel`;
  await requireFreeFile(file, replace);
  const members = checking(readDirectory(directory, selection.files), inventory.digests);
  return {
    file,
    name: manifest.name,
    version: manifest.version,
    ...(await writeArchive(file, arrange(members, list, signatures))),
    ...toLists(selection, signatures, inventory.signatures !== null && kept.length === 0),
  };
}

/** Reads what will be packed once, for the digests, and holds them against what was verified a moment ago. */
async function readSelected(directory: string, { files }: Selection, manifest: Manifest): Promise<Inventory> {
  const room = MAX_MEMBERS - 2;
  if (files.size > room) {
    const remedy = 'Move documents that nobody needs into a folder.';
    throw invalid(`${directory} has ${files.size} files for a bundle, which takes ${room}.`, remedy);
  }
  const inventory = await takeInventory(readDirectory(directory, new Set([...files, DIGESTS, SIGNATURES])));
  for (const { file, sha256 } of manifest.artefacts) {
    if (inventory.digests.get(file) === sha256) continue;
    throw invalid(`${directory}/${file} changed while it was packed.`, 'Try again when nothing writes to it.');
  }
  return inventory;
}

/** The members in the order of the format, with this list and these signatures in place of what they had. */
export async function* arrange(members: Members, list: Uint8Array, signatures: readonly Signature[]): Members {
  for await (const member of members) {
    if (member.name === DIGESTS || member.name === SIGNATURES) continue;
    yield member;
    if (member.name !== MANIFEST) continue;
    yield toTextMember(DIGESTS, list);
    if (signatures.length > 0) yield toTextMember(SIGNATURES, Buffer.from(formatSignatures(signatures)));
  }
}

/** The archive at `file`, whole or not at all. */
export async function writeArchive(file: string, members: Members): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  async function* measured() {
    for await (const chunk of writeTar(members)) {
      hash.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  }
  await writeFileWhole(file, measured());
  return { bytes, sha256: hash.digest('hex') };
}

function toLists(
  { files, ignored }: Selection,
  signatures: readonly Signature[],
  isStale: boolean,
): Pick<Packed, 'files' | 'ignored' | 'signedBy'> {
  const [manifest = MANIFEST, ...others] = files;
  return {
    files: [manifest, DIGESTS, ...(signatures.length > 0 ? [SIGNATURES] : []), ...others],
    ignored: isStale ? [...ignored, SIGNATURES] : ignored,
    signedBy: signatures.map(({ keyId }) => keyId).sort(),
  };
}
