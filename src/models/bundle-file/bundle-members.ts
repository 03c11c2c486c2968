import { constants, readlinkSync, realpathSync } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import { messageOf, SidecarError } from '../../core/errors.ts';
import { fileOf } from '../bundle-files.ts';
import { exactly } from './member-content.ts';
import { type Announced, createAdmission, invalid, MANIFEST, MAX_BUNDLE_BYTES } from './member-rules.ts';
import type { Member, Members } from './members.ts';
import { readTar } from './tar.ts';

/** Opening a pipe would wait for a writer. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;
const CHUNK_BYTES = 64 << 10;
const NAME_ANOTHER = 'Name another directory, or make a bundle with "hailo-tcn-sidecar model create".';
const COPY_AGAIN = 'Copy the bundle again.';

/** The files of a bundle at `path`, an archive or a directory. Throws MODEL_MISSING, MODEL_INVALID. */
export async function readMembers(path: string): Promise<Members> {
  return (await isDirectory(path)) ? readDirectory(path) : readArchive(path);
}

/** Whether a directory is there, or something else. Throws MODEL_MISSING when there is nothing. */
export async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    const sentence = `There is no bundle at ${path}: ${messageOf(cause)}. Name a .tcnmodel file or a bundle directory.`;
    throw new SidecarError('MODEL_MISSING', sentence, { cause });
  }
}

/** The files of a .tcnmodel file; `onBytes` gets all bytes of it, as they are read. Throws MODEL_INVALID. */
export async function* readArchive(file: string, onBytes: (bytes: Uint8Array) => void = () => undefined): Members {
  const handle = await openRegular(file);
  try {
    yield* readTar(seen(contentOf(handle), onBytes), { maxBytes: MAX_BUNDLE_BYTES, label: file });
  } finally {
    await handle.close();
  }
}

/**
 * The files of a bundle directory, the manifest first, then by name; sub-folders and hidden files (the store's record,
 * what an editor leaves) are no part of a bundle, because no manifest can name them. `only` takes some of the others. Each file is opened once, and what was opened is what is measured and read. Throws MODEL_INVALID for
 * links that lead out, for what is no regular file, and as readTar does for names and sizes.
 */
export async function* readDirectory(directory: string, only: ReadonlySet<string> | null = null): Members {
  const admit = createAdmission({ maxBytes: MAX_BUNDLE_BYTES, label: directory });
  const names = await listFiles(directory);
  if (names[0] !== MANIFEST) throw invalid(`${directory} is no bundle: there is no ${MANIFEST} in it.`, NAME_ANOTHER);
  for (const name of names) {
    if (name.startsWith('.') || (only !== null && !only.has(name))) continue;
    const file = fileOf(directory, name);
    const handle = await openRegular(file);
    try {
      requireInside(handle, directory, file);
      yield await toMember(handle, name, directory, admit);
    } finally {
      await handle.close();
    }
  }
}

/** Names of everything but folders, the manifest first. */
export async function listFiles(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
    const others = names.filter((name) => name !== MANIFEST).sort();
    return others.length < names.length ? [MANIFEST, ...others] : others;
  } catch (cause) {
    throw invalid(`${directory} cannot be read: ${messageOf(cause)}.`, COPY_AGAIN);
  }
}

async function openRegular(file: string): Promise<FileHandle> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, READ);
    if (!(await handle.stat()).isFile()) throw new Error('it is no regular file');
    return handle;
  } catch (cause) {
    await handle?.close();
    throw new SidecarError('MODEL_INVALID', `${file} cannot be read: ${messageOf(cause)}. ${COPY_AGAIN}`, { cause });
  }
}

/** A link may have been turned between looking and opening: what was opened is what counts. */
function requireInside(handle: FileHandle, directory: string, file: string): void {
  const opened = readlinkSync(`/proc/self/fd/${handle.fd}`);
  if (opened.startsWith(realpathSync(directory) + sep)) return;
  throw invalid(`${file} is a link to ${opened}, outside of the bundle.`, 'Copy the file into it.');
}

async function toMember(
  handle: FileHandle,
  name: string,
  directory: string,
  admit: (file: Announced) => void,
): Promise<Member> {
  const { size } = await handle.stat();
  admit({ name, size });
  return { name, size, chunks: () => exactly(size, contentOf(handle), `${directory}/${name}`) };
}

async function* seen(chunks: AsyncIterable<Uint8Array>, look: (bytes: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    look(chunk);
    yield chunk;
  }
}

async function* contentOf(handle: FileHandle): AsyncGenerator<Uint8Array> {
  for (let at = 0; ; ) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(CHUNK_BYTES), 0, CHUNK_BYTES, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
