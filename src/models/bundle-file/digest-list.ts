import { createHash } from 'node:crypto';
import { readDirectory, readMembers } from './bundle-members.ts';
import { contentOf, toTextMember } from './member-content.ts';
import { DIGESTS, invalid, isPlainName, MAX_MEMBERS, quote, SIGNATURES } from './member-rules.ts';
import type { Member, Members } from './members.ts';

/** File name → sha256, 64 hex. */
export type Digests = ReadonlyMap<string, string>;

/** What a bundle consists of, from having read it once. */
export interface Inventory {
  /** Of every file but SHA256SUMS and SHA256SUMS.sig. */
  readonly digests: Digests;
  /** The bytes of SHA256SUMS, which is what is signed; null when there is none. */
  readonly list: Buffer | null;
  /** The text of SHA256SUMS.sig, or null. */
  readonly signatures: string | null;
  /** Of all files together. */
  readonly bytes: number;
}

/** SHA256SUMS as coreutils write it, sorted by name: `sha256sum -c` takes it. */
export function formatDigests(digests: Digests): string {
  const sorted = [...digests].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, hex]) => `${hex}  ${name}\n`).join('');
}

/** Throws MODEL_INVALID naming the line that is no `<64 hex>  <file name>`. */
export function parseDigests(text: string, label: string): Digests {
  const digests = new Map<string, string>();
  const lines = text.split('\n');
  if (lines.pop() !== '') throw invalid(`${label}: ${DIGESTS} does not end with a line end.`);
  if (lines.length > MAX_MEMBERS) throw invalid(`${label}: ${DIGESTS} has ${lines.length} lines.`);
  for (const [index, line] of lines.entries()) {
    const [, hex = '', name = ''] = /^([0-9a-f]{64}) {2}(.*)$/.exec(line) ?? [];
    const where = `${label}: line ${index + 1} of ${DIGESTS}`;
    if (!isPlainName(name)) throw invalid(`${where} is not "<64 hex digits>  <file name>".`);
    if (name === DIGESTS || name === SIGNATURES) throw invalid(`${where} names ${name}, which cannot be in it.`);
    if (digests.has(name)) throw invalid(`${where} names ${quote(name)} a second time.`);
    digests.set(name, hex);
  }
  return digests;
}

/** Reads every member to its end. Throws what reading throws. */
export async function takeInventory(members: Members): Promise<Inventory> {
  const digests = new Map<string, string>();
  const texts = new Map<string, Buffer>();
  let bytes = 0;
  for await (const member of members) {
    bytes += member.size;
    if (member.name === DIGESTS || member.name === SIGNATURES) texts.set(member.name, await contentOf(member));
    else digests.set(member.name, await digestOf(member));
  }
  const list = texts.get(DIGESTS) ?? null;
  return { digests, list, signatures: texts.get(SIGNATURES)?.toString('latin1') ?? null, bytes };
}

/** Throws MODEL_INVALID unless the list names exactly the files that are there, with their digests. */
export function requireDigests({ digests, list }: Inventory, label: string): void {
  if (list === null) throw invalid(`${label} has no ${DIGESTS}, the list of its digests.`);
  const expected = parseDigests(list.toString('latin1'), label);
  for (const name of expected.keys()) {
    if (!digests.has(name)) throw invalid(`${label}: ${name} is missing, which ${DIGESTS} lists.`, 'Copy it again.');
  }
  for (const [name, found] of digests) requireListed(name, found, expected.get(name), label);
}

function requireListed(name: string, found: string, listed: string | undefined, label: string): void {
  if (listed === undefined) {
    throw invalid(`${label}: ${name} is not in ${DIGESTS}.`, 'Take the file away, or pack the bundle again.');
  }
  if (listed === found) return;
  throw invalid(
    `${label}: ${name} is not the file that was packed: sha256 is ${found.slice(0, 16)}…, expected ${listed.slice(0, 16)}….`,
    'Copy the bundle again.',
  );
}

/** Reads a bundle directory or archive whole and checks it against its own list. Throws MODEL_INVALID, MODEL_MISSING. */
export async function verifyDigests(path: string): Promise<Inventory> {
  const inventory = await takeInventory(await readMembers(path));
  requireDigests(inventory, path);
  return inventory;
}

/**
 * A directory that was made by hand, or by "model create", as a bundle with its list: SHA256SUMS of what is read comes
 * last where there is none. It shows what changes later, not where the files come from.
 */
export async function* readListed(directory: string, only: ReadonlySet<string> | null = null): Members {
  const digests = new Map<string, string>();
  let hasList = false;
  for await (const member of readDirectory(directory, only)) {
    hasList ||= member.name === DIGESTS;
    yield { ...member, chunks: () => hashing(member, (hex) => digests.set(member.name, hex)) };
  }
  if (!hasList) yield toTextMember(DIGESTS, Buffer.from(formatDigests(digests)));
}

/** The same members; reading one that is not what the list says throws MODEL_INVALID at its end. */
export async function* checking(members: Members, expected: Digests): Members {
  for await (const member of members) {
    const { name } = member;
    const check = (hex: string) => {
      if (expected.get(name) === hex) return;
      throw invalid(`${name} changed while it was read.`, 'Try again when nothing writes to it.');
    };
    yield { ...member, chunks: () => hashing(member, check) };
  }
}

async function* hashing(member: Member, onDigest: (hex: string) => void): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of member.chunks()) {
    hash.update(chunk);
    yield chunk;
  }
  onDigest(hash.digest('hex'));
}

async function digestOf(member: Member): Promise<string> {
  let digest = '';
  for await (const _ of hashing(member, (hex) => (digest = hex)));
  return digest;
}
