import { type ByteStream, createByteStream } from './byte-stream.ts';
import { exactly } from './member-content.ts';
import { type BundleLimits, createAdmission, invalid, quote } from './member-rules.ts';
import type { Member, Members } from './members.ts';
import { BLOCK, parseHeader, toHeader } from './tar-header.ts';

/** tar programs fill their last record with zeros; ours does not. */
const MAX_TRAILING_ZEROS = 20 * BLOCK;
const ZEROS = Buffer.alloc(BLOCK);
const CUT_OFF = 'It was cut off: copy it again.';

const paddingOf = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK;
const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

/**
 * The files of a bundle archive, read as they come: plain ustar, regular files with plain names only, manifest.yaml
 * first, each within its limits before a byte of it is read. A member that was not read to its end is skipped.
 * Throws MODEL_INVALID with the member's name and what to do; what `bytes` throws passes through.
 */
export async function* readTar(bytes: AsyncIterable<Uint8Array>, limits: BundleLimits): Members {
  const label = limits.label ?? 'The bundle file';
  const admit = createAdmission({ ...limits, label });
  const stream = createByteStream(bytes);
  try {
    for (let isFirst = true; ; isFirst = false) {
      const block = await readBlock(stream, label);
      if (isZero(block)) return await requireEnd(stream, label, isFirst);
      const header = parseHeader(block, label, isFirst);
      admit(header);
      requireUstar(header, label);
      const body = openBody(stream, header, label);
      yield body.member;
      await body.skip();
    }
  } finally {
    await stream.close();
  }
}

async function readBlock(stream: ByteStream, label: string): Promise<Uint8Array> {
  const block = await stream.block(BLOCK);
  if (block.length === BLOCK) return block;
  throw invalid(`${label} ends before its end-of-archive mark.`, CUT_OFF);
}

function requireUstar({ name, dialect }: ReturnType<typeof parseHeader>, label: string): void {
  if (dialect === null) return;
  throw invalid(`${label}: ${quote(name)} is stored in ${dialect}, and a bundle file is a plain ustar archive.`);
}

interface Body {
  readonly member: Member;
  /** Leaves the stream at the next header. */
  skip(): Promise<void>;
}

function openBody(stream: ByteStream, { name, size }: { name: string; size: number }, label: string): Body {
  let left = size;
  let isOver = false;

  async function* chunks(): AsyncGenerator<Uint8Array> {
    if (isOver) throw new Error(`"${name}" was asked for after the member that follows it`);
    while (left > 0) {
      const piece = await stream.some(left);
      if (piece.length === 0) throw invalid(`${label} ends in the middle of ${quote(name)}.`, CUT_OFF);
      left -= piece.length;
      yield piece;
    }
  }

  async function skip(): Promise<void> {
    for await (const _ of chunks());
    isOver = true;
    const padding = await stream.block(paddingOf(size));
    if (padding.length < paddingOf(size)) throw invalid(`${label} ends right after ${quote(name)}.`, CUT_OFF);
    if (!isZero(padding)) throw invalid(`${label} has something hidden behind ${quote(name)}, where zeros must be.`);
  }

  return { member: { name, size, chunks }, skip };
}

/** Two blocks of zeros, of which the first was read; nothing but zeros may follow, and not many. */
async function requireEnd(stream: ByteStream, label: string, isEmpty: boolean): Promise<void> {
  if (isEmpty) throw invalid(`${label} is an archive without any file.`);
  let zeros = (await readBlock(stream, label)).every((byte) => byte === 0) ? 0 : Number.POSITIVE_INFINITY;
  while (zeros <= MAX_TRAILING_ZEROS) {
    const piece = await stream.some(BLOCK);
    if (piece.length === 0) return;
    zeros += isZero(piece) ? piece.length : Number.POSITIVE_INFINITY;
  }
  throw invalid(`${label} goes on after its end-of-archive mark.`);
}

/** The archive of the members, in their order: the same bytes for the same names and content. */
export async function* writeTar(members: Members): AsyncGenerator<Uint8Array> {
  for await (const { name, size, chunks } of members) {
    yield toHeader({ name, size });
    yield* exactly(size, chunks(), name);
    yield ZEROS.subarray(0, paddingOf(size));
  }
  yield ZEROS;
  yield ZEROS;
}
