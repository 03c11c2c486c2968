import { invalid, quote } from './member-rules.ts';

/** A header block of POSIX ustar: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html. */
export const BLOCK = 512;
const SIZE_AT = 124;
const CHECKSUM_AT = 148;
const TYPE_AT = 156;
const MAGIC_AT = 257;
const PREFIX_AT = 345;
const USTAR = 'ustar\x0000';

export interface Header {
  readonly name: string;
  /** Bytes; may be larger than any file could be. */
  readonly size: number;
  /** How else than as plain ustar it is written, or null. */
  readonly dialect: string | null;
}

/** What tar programs store besides regular files, by the type byte. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ['\0', 'a file of the tar format from before 1988'],
  ['1', 'a hard link'],
  ['2', 'a symbolic link'],
  ['3', 'a character device'],
  ['4', 'a block device'],
  ['5', 'a directory'],
  ['6', 'a named pipe'],
  ['7', 'a contiguous file'],
  ['x', 'a pax extended header'],
  ['g', 'a pax global header'],
  ['L', 'a GNU long name'],
  ['K', 'a GNU long link name'],
  ['S', 'a GNU sparse file'],
  ['M', 'the rest of a file of another GNU volume'],
  ['V', 'a GNU volume label'],
  ['D', 'a GNU directory dump'],
]);

const BEGINNINGS: readonly (readonly [bytes: string, what: string])[] = [
  ['\x1f\x8b', 'gzip'],
  ['\xfd7zXZ', 'xz'],
  ['\x28\xb5\x2f\xfd', 'zstd'],
  ['BZh', 'bzip2'],
  ['PK\x03\x04', 'zip'],
];

/** The header of a regular file that belongs to nobody and was never changed: the same bytes on every machine. */
export function toHeader({ name, size }: Pick<Header, 'name' | 'size'>): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 'latin1');
  for (const at of [108, 116]) block.write('0000000', at, 'latin1'); // uid, gid
  block.write('0000644', 100, 'latin1');
  block.write(size.toString(8).padStart(11, '0'), SIZE_AT, 'latin1');
  block.write('0'.repeat(11), 136, 'latin1'); // mtime
  block.write('0', TYPE_AT, 'latin1');
  block.write(USTAR, MAGIC_AT, 'latin1');
  block.write(toChecksum(block), CHECKSUM_AT, 'latin1');
  return block;
}

/**
 * What a header block says. Throws MODEL_INVALID for a damaged header and for whatever is no regular file; the name, the
 * size and the dialect are for the caller to judge.
 */
export function parseHeader(bytes: Uint8Array, label: string, isFirst: boolean): Header {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  requireChecksum(block, label, isFirst);
  const name = toName(block, label);
  const shown = `${label}: ${quote(name)}`;
  const type = block.toString('latin1', TYPE_AT, TYPE_AT + 1);
  if (type !== '0') {
    throw invalid(`${shown} is ${KINDS.get(type) ?? `of the unknown type ${quote(type)}`}, no regular file.`);
  }
  const size = toSize(block.subarray(SIZE_AT, SIZE_AT + 12));
  if (Number.isNaN(size)) throw invalid(`${shown} has a size that is no number.`);
  return { name, size, dialect: toDialect(block) };
}

/** Six octal digits, NUL, blank; the field itself counts as blanks. */
function toChecksum(block: Buffer): string {
  let sum = 8 * 0x20;
  for (const [at, byte] of block.entries()) if (at < CHECKSUM_AT || at >= CHECKSUM_AT + 8) sum += byte;
  return `${sum.toString(8).padStart(6, '0')}\0 `;
}

function requireChecksum(block: Buffer, label: string, isFirst: boolean): void {
  if (block.toString('latin1', CHECKSUM_AT, CHECKSUM_AT + 8) === toChecksum(block)) return;
  const hasMagic = block.toString('latin1', MAGIC_AT, MAGIC_AT + 5) === 'ustar';
  if (!isFirst || hasMagic) {
    throw invalid(`${label} is damaged: a header in it does not have its checksum.`, 'Copy the file again.');
  }
  const packer = BEGINNINGS.find(([bytes]) => block.toString('latin1', 0, bytes.length) === bytes);
  if (packer === undefined) throw invalid(`${label} is no bundle file: it is no tar archive.`);
  throw invalid(
    `${label} is no bundle file: it is packed with ${packer[1]}, and a bundle file is a plain tar archive.`,
  );
}

/** Bytes behind the NUL that ends a name would be seen by some programs and not by others. */
function toName(block: Buffer, label: string): string {
  const field = block.toString('latin1', 0, 100);
  const name = field.replace(/\0+$/, '');
  const prefix = block.toString('latin1', PREFIX_AT, PREFIX_AT + 155).replace(/\0+$/, '');
  if (prefix === '' || block.toString('latin1', MAGIC_AT, MAGIC_AT + 8) !== USTAR) return name;
  throw invalid(`${label}: ${quote(`${prefix}/${name}`)} is a path, and a bundle has no folders.`);
}

/** Octal, or GNU's binary form for what octal cannot hold; NaN for neither. */
function toSize(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) !== 0) return Number(BigInt(`0x${field.toString('hex')}`) & ((1n << 95n) - 1n));
  const text = /^([0-7]{11})[\0 ]$|^([0-7]{12})$/.exec(field.toString('latin1'));
  return text === null ? Number.NaN : Number.parseInt(text[1] ?? text[2] ?? '', 8);
}

function toDialect(block: Buffer): string | null {
  const hasBinarySize = ((block[SIZE_AT] ?? 0) & 0x80) !== 0;
  const magic = block.toString('latin1', MAGIC_AT, MAGIC_AT + 8);
  if (magic === USTAR && !hasBinarySize) return null;
  return magic === 'ustar  \0' || hasBinarySize ? "GNU tar's own format" : 'a tar format older than ustar';
}
