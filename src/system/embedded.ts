import { createHash } from 'node:crypto';
import { getAsset, getRawAsset, isSea } from 'node:sea';

/** Files that belong together and must lie in one directory, by digest. */
export interface FileSet {
  /** Names the set by its content: equal files, equal key. */
  readonly key: string;
  /** Keys of all sets of the same program: in use as long as this one is. */
  readonly kin?: readonly string[];
  /** File name → sha256. */
  readonly digests: Readonly<Record<string, string>>;
  /** The bytes of one of the files. */
  read(file: string): Uint8Array;
}

/** True in the single-file executable, false when the sources run. */
export function isExecutable(): boolean {
  return isSea();
}

/** A text asset of the executable; throws when the build left it out. */
export function embeddedText(asset: string): string {
  return getAsset(asset, 'utf8');
}

const SETS = ['native', 'model'] as const;
const indexOf = (name: (typeof SETS)[number]) => embeddedText(`${name}/index.json`);
const keyOf = (index: string) => createHash('sha256').update(index).digest('hex').slice(0, 32);

/** The files the build embedded under `name`; `<name>/index.json` lists their digests. */
export function embeddedSet(name: (typeof SETS)[number]): FileSet {
  const index = indexOf(name);
  return {
    key: keyOf(index),
    kin: SETS.map((set) => keyOf(indexOf(set))),
    digests: JSON.parse(index) as Record<string, string>,
    read: (file) => new Uint8Array(getRawAsset(`${name}/${file}`)),
  };
}
