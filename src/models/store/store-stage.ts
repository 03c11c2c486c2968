import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createAdmission, invalid } from '../bundle-file/member-rules.ts';
import type { Member, Members } from '../bundle-file/members.ts';
import type { Disk } from './disk.ts';
import { noSpace } from './store-failure.ts';
import { writeDurably } from './store-files.ts';
import type { FileRecord, FileRecords } from './store-shelf.ts';

/** Left free beside a model: for the journal, and for the rest of the machine to go on. */
export const MARGIN_BYTES = 8 << 20;

export interface StageOptions {
  readonly disk: Disk;
  readonly directory: string;
  /** Of all files together. */
  readonly maxBytes: number;
  /** Called before each file with the bytes written so far and of this one. */
  onFile(totalBytes: number): void;
}

/**
 * Streams the members into files, each on disk before the next; the directory itself is not synced yet. Throws
 * MODEL_INVALID (a name, a size, too much) or STORE_FAILED, and leaves what there is to the caller.
 */
export async function stageMembers(members: Members, options: StageOptions): Promise<FileRecords> {
  const { disk, directory, maxBytes } = options;
  const admit = createAdmission({ maxBytes, label: 'The model' });
  const files: Record<string, FileRecord> = {};
  let total = 0;
  for await (const member of members) {
    admit(member);
    total += member.size;
    options.onFile(total);
    await requireSpace(disk, directory, member.size);
    files[member.name] = await writeMember(disk, join(directory, member.name), member);
  }
  if (total === 0) throw invalid('The model has no files.');
  return files;
}

/** Asked before anything is written: a disk that is filled to its end hurts more than this model. Throws STORE_FAILED. */
export async function requireSpace(disk: Disk, directory: string, bytes: number): Promise<void> {
  const free = await disk.freeBytes(directory);
  const needed = bytes + MARGIN_BYTES;
  if (free < needed) throw noSpace(directory, needed, `${free} bytes are free`);
}

async function writeMember(disk: Disk, path: string, member: Member): Promise<FileRecord> {
  const hash = createHash('sha256');
  await writeDurably(
    disk,
    path,
    counted(member, (chunk) => hash.update(chunk)),
  );
  return { bytes: member.size, sha256: hash.digest('hex') };
}

/** The content, which must have the size that was announced: the space was asked for that much. */
async function* counted(member: Member, onChunk: (chunk: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of member.chunks()) {
    seen += chunk.length;
    if (seen > member.size) break;
    onChunk(chunk);
    yield chunk;
  }
  if (seen === member.size) return;
  const how = seen > member.size ? 'more' : `${seen} bytes, fewer`;
  throw invalid(`The model's file ${member.name} has ${how} than the ${member.size} bytes that were announced.`);
}
