import {
  chmod,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rmdir,
  statfs,
  symlink,
  unlink,
} from 'node:fs/promises';
import type { Disk, NewFile } from './disk.ts';

const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;

/** The machine's file systems. Models are no secret: everybody may read them, whatever umask the service or an admin has. */
export const nodeDisk: Disk = {
  mkdir: async (path) => {
    await mkdir(path, { mode: DIRECTORY_MODE });
    await chmod(path, DIRECTORY_MODE);
  },
  create,
  readFile: (path) => readFile(path),
  list: (path) => readdir(path).catch(whenMissing([])),
  kindOf: (path) => lstat(path).then(toKind).catch(whenMissing(null)),
  readLink: (path) => readlink(path),
  symlink: (target, path) => symlink(target, path),
  rename,
  unlink,
  rmdir: (path) => rmdir(path),
  syncDirectory,
  freeBytes: async (path) => {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
};

async function create(path: string): Promise<NewFile> {
  const handle = await open(path, 'wx', FILE_MODE);
  await handle.chmod(FILE_MODE).catch(async (thrown) => {
    await handle.close(); // nobody else has it yet
    throw thrown;
  });
  return {
    write: async (chunk) => {
      let done = 0;
      while (done < chunk.length) done += (await handle.write(chunk, done)).bytesWritten;
    },
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function toKind(stat: Awaited<ReturnType<typeof lstat>>): 'file' | 'directory' | 'link' | 'other' {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  return stat.isSymbolicLink() ? 'link' : 'other';
}

/** ENOTDIR: something above it is a file, so there is nothing either. */
function whenMissing<T>(value: T): (thrown: NodeJS.ErrnoException) => T {
  return (thrown) => {
    if (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR') return value;
    throw thrown;
  };
}
