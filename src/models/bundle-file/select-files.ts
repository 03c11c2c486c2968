import { readdir } from 'node:fs/promises';
import type { Manifest } from '../../core/manifest.ts';
import { listFiles } from './bundle-members.ts';
import { DIGESTS, isPlainName, MANIFEST, SIGNATURES } from './member-rules.ts';

export interface Selection {
  /** The manifest, what it names, and documents beside them. */
  readonly files: ReadonlySet<string>;
  /** What stays behind; folders end with a slash. */
  readonly ignored: readonly string[];
}

/** Model cards, licences, evaluations: what a person wants with the model. Keys and checkpoints are not among them. */
const DOCUMENT = /\.(md|txt|json|yaml|csv)$|^(LICEN[CS]E|NOTICE|README|COPYING|CHANGELOG)$/;

/** Which files of a directory belong to its bundle. The list of digests and the signatures are made, not taken. */
export async function selectFiles(directory: string, manifest: Manifest): Promise<Selection> {
  const named = new Set([MANIFEST, ...filesNamedBy(manifest)]);
  const present = await listFiles(directory);
  const isTaken = (name: string) => named.has(name) || (DOCUMENT.test(name) && isPlainName(name));
  const others = present.filter((name) => !isTaken(name) && name !== DIGESTS && name !== SIGNATURES);
  return { files: new Set(present.filter(isTaken)), ignored: [...others, ...(await listFolders(directory))] };
}

function filesNamedBy({ artefacts, motifs, golden }: Manifest): string[] {
  const { head } = motifs;
  const heads = head === null || head === 'output' ? [] : [head.file];
  return [...artefacts.map(({ file }) => file), ...heads, golden];
}

async function listFolders(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory());
  return folders.map(({ name }) => `${name}/`).sort();
}
