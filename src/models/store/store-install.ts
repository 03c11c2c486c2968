import { join } from 'node:path';
import { SidecarError } from '../../core/errors.ts';
import type { Members } from '../bundle-file/members.ts';
import type { Disk } from './disk.ts';
import { ensureDirectory, removeTree, STAGING, writeDurably } from './store-files.ts';
import { placeOf, refOf } from './store-ref.ts';
import {
  digestFiles,
  type FileRecords,
  type InstallRecord,
  isSame,
  listShelf,
  orderOf,
  RECORD,
  readRecord,
  sumOf,
} from './store-shelf.ts';
import { requireSpace, stageMembers } from './store-stage.ts';
import type { ModelRef } from './store-state.ts';

export interface InstallOptions<V extends Named> {
  /**
   * Checks what lies in the staging directory, which is the store's own until this resolves: signature, digests, shapes.
   * Its name and version become the place. Whatever it throws ends the install, and nothing stays.
   */
  verify(directory: string): Promise<V>;
  /** Of all files together. */
  readonly maxBytes: number;
  /** Bytes that are known to come, to be refused before the first is written. */
  readonly expectedBytes?: number;
}

export interface Named {
  readonly name: string;
  readonly version: string;
}

export interface Installed<V> {
  readonly ref: ModelRef;
  readonly directory: string;
  readonly bytes: number;
  /** The same files were there before; then nothing was changed, unless files had been damaged: they are as they were. */
  readonly alreadyThere: boolean;
  readonly repaired: boolean;
  /** What verify said; its paths are those of the staging directory, which is gone. */
  readonly verified: V;
}

export interface InstallDeps {
  readonly disk: Disk;
  readonly root: string;
  token(): string;
  /** What the next sentence about a full disk names. */
  onNeed(bytes: number): void;
  /** Runs the last step under the store's lock. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * While no other install is under way. Only the last step has the store's lock, so what lies there is looked at then. The
 * commit point is the rename into NAME/VERSION.
 */
export async function installMembers<V extends Named>(
  members: Members,
  options: InstallOptions<V>,
  deps: InstallDeps,
): Promise<Installed<V>> {
  const { disk, root } = deps;
  const staging = join(root, `${STAGING}${deps.token()}`);
  if (options.expectedBytes !== undefined) await requireSpace(disk, root, options.expectedBytes);
  await disk.mkdir(staging);
  try {
    return await stageAndPlace(members, staging, options, deps);
  } finally {
    await removeTree(disk, staging).catch(() => undefined); // else the next recovery does
  }
}

async function stageAndPlace<V extends Named>(
  members: Members,
  staging: string,
  { verify, maxBytes, expectedBytes = 0 }: InstallOptions<V>,
  { disk, root, onNeed, exclusively }: InstallDeps,
): Promise<Installed<V>> {
  const onFile = (bytes: number) => onNeed(Math.max(bytes, expectedBytes));
  const files = await stageMembers(members, { disk, directory: staging, maxBytes, onFile });
  const verified = await verify(staging);
  const ref = refOf(verified);
  const outcome = await exclusively(() => place({ disk, root, staging, ref, files }));
  return { ref, directory: placeOf(root, ref), bytes: sumOf(files), verified, ...outcome };
}

interface Placing {
  readonly disk: Disk;
  readonly root: string;
  readonly staging: string;
  readonly ref: ModelRef;
  readonly files: FileRecords;
}

async function place(placing: Placing): Promise<{ alreadyThere: boolean; repaired: boolean }> {
  const { disk, root, ref, staging } = placing;
  const directory = placeOf(root, ref);
  const isThere = (await disk.kindOf(directory)) !== null;
  const repaired = isThere && (await repair(placing, directory));
  if (!isThere) {
    await writeRecord(placing);
    await disk.syncDirectory(staging);
    await ensureDirectory(disk, join(directory, '..'));
    await disk.rename(staging, directory);
  }
  await disk.syncDirectory(join(directory, '..')); // also what is there: its install may have died just before this
  await disk.syncDirectory(root);
  return { alreadyThere: isThere, repaired };
}

async function writeRecord({ disk, root, staging, files }: Placing): Promise<void> {
  const order = Math.max(0, ...(await listShelf(disk, root)).map(orderOf)) + 1;
  const record: InstallRecord = { format: 1, order, files };
  await writeDurably(disk, join(staging, RECORD), [Buffer.from(`${JSON.stringify(record, null, 2)}\n`)]);
}

/**
 * Files that are not any more what was installed are put back, each by a rename, so that at any moment every file is the
 * damaged or the right one. Throws MODEL_REFUSED when another model has this name and version. True when it repaired.
 */
async function repair(placing: Placing, directory: string): Promise<boolean> {
  const { disk, ref, files } = placing;
  const found = await digestFiles(disk, directory);
  const isDamaged = !isSame(found, files);
  if (isDamaged) {
    const record = await readRecord(disk, directory);
    if (record === null || !isSame(record.files, files)) throw taken(ref);
    await putBack(placing, found, directory);
  }
  await disk.syncDirectory(directory); // also what is right: it may have been put back by one who died just before this
  return isDamaged;
}

async function putBack({ disk, staging, files }: Placing, found: FileRecords, directory: string): Promise<void> {
  const damaged = Object.keys(files).filter((name) => found[name]?.sha256 !== files[name]?.sha256);
  for (const name of damaged) await disk.rename(join(staging, name), join(directory, name));
  for (const name of Object.keys(found)) if (!(name in files)) await disk.unlink(join(directory, name));
}

function taken(ref: ModelRef): SidecarError {
  return new SidecarError(
    'MODEL_REFUSED',
    `${ref} is in the store with other files, and a version never changes: give this one another version in its manifest, and pack it again.`,
  );
}
