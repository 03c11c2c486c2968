import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstallSource } from './cli/model-install.ts';
import { SidecarError } from './core/errors.ts';
import { isDirectory, readMembers } from './models/bundle-file/bundle-members.ts';
import type { Member } from './models/bundle-file/members.ts';
import { packBundle } from './models/bundle-file/pack.ts';
import { readBundle } from './parts.ts';
import { download } from './system/download.ts';
import { cacheRoot, makeDirectory } from './system/native-cache.ts';

/** A directory becomes an archive first: then all of it was read as the user who called, and it has its digests. */
export async function openLocal(path: string): Promise<InstallSource> {
  if (!(await isDirectory(path))) return { members: await opened(path), origin: 'local' };
  const spool = await mkdtemp(join(tmpdir(), 'tcnmodel-'));
  const close = () => rm(spool, { recursive: true, force: true });
  try {
    const { file } = await packBundle(path, join(spool, 'bundle.tcnmodel'), {
      verify: (directory) => readBundle(directory),
    });
    return { members: await opened(file), origin: 'local', close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Opens the file now, as this user: the store is written as its owner, who may not read it. */
async function opened(path: string): Promise<InstallSource['members']> {
  const members = (await readMembers(path))[Symbol.asyncIterator]();
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

export async function fetchBundle(
  url: string,
  sha256: string | null,
  onProgress: (bytes: number, total: number | null) => void,
): Promise<InstallSource> {
  const directory = join(cacheRoot(process.env), 'downloads');
  makeDirectory(directory);
  const report = ({ bytes, total }: { bytes: number; total: number | null }) => onProgress(bytes, total);
  const { file } = await download(url, { directory, sha256, onProgress: report });
  return { members: await opened(file), origin: 'remote', close: () => rm(file, { force: true }) };
}

export async function requireSha256(path: string, expected: string): Promise<void> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path)) digest.update(chunk as Buffer);
  const found = digest.digest('hex');
  if (found === expected) return;
  throw new SidecarError(
    'MODEL_INVALID',
    `${path} is not the file that was asked for: its sha256 is ${found}, expected ${expected}.`,
  );
}
