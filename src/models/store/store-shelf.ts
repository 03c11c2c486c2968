import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Disk } from './disk.ts';
import { readIfThere } from './store-files.ts';
import { isModelName, isVersion } from './store-ref.ts';
import type { ModelRef } from './store-state.ts';

/**
 * A file beside the model's own, written when it is installed. `order` counts the installs of this store: what is newest
 * does not depend on a clock, which a small board sets late and may set back.
 */
export const RECORD = '.installed';

export interface FileRecord {
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}
export type FileRecords = Readonly<Record<string, FileRecord>>;

export interface InstallRecord {
  readonly format: 1;
  readonly order: number;
  readonly files: FileRecords;
}

/** One version as it lies in the store. */
export interface Shelved {
  readonly ref: ModelRef;
  readonly directory: string;
  /** null when somebody copied the directory there. */
  readonly record: InstallRecord | null;
}

const Schema = Type.Object({
  format: Type.Literal(1),
  order: Type.Integer({ minimum: 0 }),
  files: Type.Record(Type.String(), Type.Object({ bytes: Type.Integer(), sha256: Type.String() })),
});
let validator: ReturnType<typeof Compile> | null = null;

/** Every version, the oldest install first; those without a record come before all others. */
export async function listShelf(disk: Disk, root: string): Promise<Shelved[]> {
  const found: Shelved[] = [];
  for (const name of (await disk.list(root)).filter(isModelName)) {
    const directory = join(root, name);
    if ((await disk.kindOf(directory)) !== 'directory') continue;
    for (const version of (await disk.list(directory)).filter(isVersion)) {
      if ((await disk.kindOf(join(directory, version))) !== 'directory') continue;
      found.push(await readShelved(disk, `${name}@${version}`, join(directory, version)));
    }
  }
  return found.sort((a, b) => orderOf(a) - orderOf(b) || (a.ref < b.ref ? -1 : 1));
}

export const orderOf = ({ record }: Shelved): number => record?.order ?? 0;

/** Bytes of the model's files; null when they were not recorded. */
export function bytesOf({ record }: Shelved): number | null {
  return record && sumOf(record.files);
}

export function sumOf(files: FileRecords): number {
  return Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
}

async function readShelved(disk: Disk, ref: ModelRef, directory: string): Promise<Shelved> {
  return { ref, directory, record: await readRecord(disk, directory) };
}

export async function readRecord(disk: Disk, directory: string): Promise<InstallRecord | null> {
  const bytes = await readIfThere(disk, join(directory, RECORD));
  if (bytes === null) return null;
  try {
    const data: unknown = JSON.parse(bytes.toString('utf8'));
    validator ??= Compile(Schema);
    return validator.Check(data) ? (data as InstallRecord) : null;
  } catch {
    return null;
  }
}

/** Files of the model that are gone since it was installed; their content is checked when it is loaded. */
export async function missingFiles(disk: Disk, { directory, record }: Shelved): Promise<string[]> {
  const missing: string[] = [];
  for (const name of Object.keys(record?.files ?? {})) {
    if ((await disk.kindOf(join(directory, name))) !== 'file') missing.push(name);
  }
  return missing;
}

/** What the files of a directory are now. */
export async function digestFiles(disk: Disk, directory: string): Promise<FileRecords> {
  const found: Record<string, FileRecord> = {};
  for (const name of await disk.list(directory)) {
    if (name === RECORD || (await disk.kindOf(join(directory, name))) !== 'file') continue;
    const content = await disk.readFile(join(directory, name));
    found[name] = { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
  }
  return found;
}

/** Whether two lists name the same files with the same content. */
export function isSame(a: FileRecords, b: FileRecords): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name]?.sha256 === b[name]?.sha256);
}
