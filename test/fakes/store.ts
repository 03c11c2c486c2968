import { readFileSync } from 'node:fs';
import type { Members } from '../../src/models/bundle-file/members.ts';
import type { Disk } from '../../src/models/store/disk.ts';
import { openStore, type Store, type StoreParts } from '../../src/models/store/store.ts';
import type { InstallOptions } from '../../src/models/store/store-install.ts';

/** Models that are quickly made and checked: the files say which version they belong to. */
export const ROOT = '/state/models';
export const PACKAGED_DIRECTORY = '/usr/share/packaged';

export type Files = Readonly<Record<string, string>>;

export function filesOf(ref: string): Files {
  const [name, version] = ref.split('@');
  return {
    'manifest.yaml': JSON.stringify({ name, version }),
    'model.onnx': `onnx of ${ref} `.repeat(20),
    'golden.json': `golden of ${ref}`,
  };
}

export async function* membersOf(files: Files): Members {
  for (const [name, text] of Object.entries(files)) {
    const bytes = Buffer.from(text);
    const half = bytes.length >> 1;
    yield {
      name,
      size: bytes.length,
      chunks: async function* () {
        yield bytes.subarray(0, half);
        yield bytes.subarray(half);
      },
    };
  }
}

/** Reads the staged manifest as a signature check would; on the disk that the store has. */
export function optionsOn(disk: Disk | null): InstallOptions<{ name: string; version: string }> {
  const read = async (path: string) => (disk === null ? readFileSync(path) : await disk.readFile(path));
  return {
    maxBytes: 1 << 20,
    verify: async (directory) => JSON.parse(String(await read(`${directory}/manifest.yaml`))),
  };
}

export function storeOn(disk: Disk, parts: Partial<StoreParts> = {}): Store {
  return openStore({
    root: ROOT,
    packagedDirectory: PACKAGED_DIRECTORY,
    disk,
    lock: async () => async () => undefined,
    installLock: async () => async () => undefined,
    ...parts,
  });
}

export const install = (disk: Disk, ref: string, files = filesOf(ref)) =>
  storeOn(disk).install(membersOf(files), optionsOn(disk));
