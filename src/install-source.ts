import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstallSource } from './cli/model-install.ts';
import { SidecarError } from './core/errors.ts';
import { isDirectory, readArchive } from './models/bundle-file/bundle-members.ts';
import type { Member, Members } from './models/bundle-file/members.ts';
import { packBundle } from './models/bundle-file/pack.ts';
import { readBundle } from './parts.ts';
import { makeScratch } from './scratch.ts';
import { download } from './system/download.ts';
import { cacheRoot, makeDirectory } from './system/native-cache.ts';

/**
 * A directory becomes an archive first: then all of it was read as the user who called, and it has its digests. With a
 * sha256 (lower-case hex) it must be a file: reading the members throws MODEL_INVALID at their end when the bytes that
 * they came from have another one.
 */
export async function openLocal(path: string, sha256: string | null): Promise<InstallSource> {
  if (!(await isDirectory(path))) return { members: await opened(path, sha256), origin: 'local' };
  if (sha256 !== null) throw isNoFile(path);
  const spool = makeScratch(tmpdir(), 'tcnmodel-');
  const close = async () => spool.remove();
  try {
    const { file } = await packBundle(path, join(spool.path, 'bundle.tcnmodel'), {
      verify: (directory) => readBundle(directory),
    });
    return { members: await opened(file, null), origin: 'local', close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

function isNoFile(path: string): SidecarError {
  return new SidecarError(
    'USAGE',
    `model install: --sha256 is the digest of a .tcnmodel file, and ${path} is a directory: leave it out, or install the file.`,
  );
}

/** Opens the file now, as this user: the store is written as its owner, who may not read it. */
async function opened(path: string, sha256: string | null): Promise<InstallSource['members']> {
  const members = digested(path, sha256)[Symbol.asyncIterator]();
  let first: IteratorResult<Member> | null = await members.next();
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        const next = first ?? (await members.next());
        first = null;
        return next;
      },
      return: async () => (await members.return?.()) ?? { done: true, value: undefined },
    }),
  };
}

/** The digest is of the very bytes that are installed: the file may be exchanged or written to at any time. */
async function* digested(path: string, expected: string | null): Members {
  const digest = createHash('sha256');
  yield* readArchive(path, (bytes) => expected !== null && digest.update(bytes));
  if (expected === null) return;
  const found = digest.digest('hex');
  if (found === expected) return;
  throw new SidecarError(
    'MODEL_INVALID',
    `${path} is not the file that was asked for: its sha256 is ${found}, expected ${expected}.`,
  );
}

export async function fetchBundle(
  url: string,
  sha256: string | null,
  onProgress: (bytes: number, total: number | null) => void,
): Promise<InstallSource> {
  const directory = join(cacheRoot(process.env), 'downloads');
  makeDirectory(directory);
  const report = ({ bytes, total }: { bytes: number; total: number | null }) => onProgress(bytes, total);
  const { file } = await download(url, { directory, sha256, onProgress: report });
  return { members: await opened(file, sha256), origin: 'remote', close: () => rm(file, { force: true }) };
}
