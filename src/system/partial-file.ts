import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, lstat, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { messageOf, SidecarError } from '../core/errors.ts';

/** What tells one version of a file from another, as its server gave it. */
export interface Version {
  /** Of the whole address; it may hold secrets, so only its digest is kept. */
  readonly address: string;
  /** A strong ETag, else Last-Modified: what If-Range takes. */
  readonly validator: string;
}

/** A download that is not whole yet: `NAME.part`, and `NAME.part.json` that says of what. */
export interface PartialFile {
  /** How much of this version is there: 0 when it is another, or nothing. */
  readonly bytes: number;
  readonly version: Version | null;
  /** Forgets what is there; `version` null: the rest could not be asked for later. */
  restart(version: Version | null): Promise<void>;
  append(chunk: Uint8Array): Promise<void>;
  /** Writes to disk and closes; what is there stays for later. */
  keep(): Promise<void>;
  drop(): Promise<void>;
  /** The digest of all that is there, in hex. */
  digest(): Promise<string>;
  /** Puts the file in its place, replacing what was there. */
  finish(): Promise<void>;
}

export type OpenFile = typeof open;

/** For people, who may find the file: which address. */
export interface PartialOptions {
  readonly shownUrl: string;
  readonly address: string;
  readonly openFile?: OpenFile;
}

const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND, O_NOFOLLOW } = constants;

/** @param file where the whole file goes. All calls throw STORE_FAILED when the disk does not do its part. */
export async function openPartial(file: string, options: PartialOptions): Promise<PartialFile> {
  const part = `${file}.part`;
  const note = `${file}.part.json`;
  const openFile = options.openFile ?? open;
  let handle: FileHandle | null = null;
  let version = await readNote(note, options.address);
  let bytes = version === null ? 0 : await sizeOf(part);
  const guard = <T>(work: () => Promise<T>) => work().catch((cause: unknown) => Promise.reject(toFailure(cause, part)));

  async function restart(next: Version | null): Promise<void> {
    await close();
    await rm(note, { force: true }); // first: it must never stand beside another version's bytes
    version = next;
    bytes = 0;
    handle = await openFile(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644);
    if (next !== null) await writeFile(note, `${JSON.stringify({ url: options.shownUrl, ...next })}\n`);
  }

  async function append(chunk: Uint8Array): Promise<void> {
    handle ??= await openFile(part, O_WRONLY | O_APPEND | O_NOFOLLOW);
    await handle.writeFile(chunk);
    bytes += chunk.length;
  }

  async function close(): Promise<void> {
    const open = handle;
    handle = null;
    await open?.close();
  }

  async function keep(): Promise<void> {
    await handle?.sync();
    await close();
  }

  async function drop(): Promise<void> {
    await close();
    await rm(part, { force: true });
    await rm(note, { force: true });
    version = null;
    bytes = 0;
  }

  async function finish(): Promise<void> {
    await rename(part, file);
    await rm(note, { force: true });
  }

  return {
    get bytes() {
      return bytes;
    },
    get version() {
      return version;
    },
    restart: (next) => guard(() => restart(next)),
    append: (chunk) => guard(() => append(chunk)),
    keep: () => guard(keep),
    drop: () => guard(drop),
    digest: () => guard(() => digestOf(part)),
    finish: () => guard(finish),
  };
}

/** The version that the note names, if it is one of this address; anything else is no note of ours. */
async function readNote(note: string, address: string): Promise<Version | null> {
  try {
    const data = JSON.parse(await readFile(note, 'utf8')) as Partial<Version>;
    if (data.address !== address || typeof data.validator !== 'string') return null;
    return { address, validator: data.validator };
  } catch {
    return null;
  }
}

async function sizeOf(path: string): Promise<number> {
  const stat = await lstat(path).catch(() => null);
  return stat?.isFile() ? stat.size : 0;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function toFailure(cause: unknown, part: string): SidecarError {
  const { code } = cause as NodeJS.ErrnoException;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  const sentence = isFull
    ? `There is no space left for ${part}: what is there is kept. Free space and run this again, it goes on from there.`
    : `${part} cannot be written: ${messageOf(cause)}. Name a directory that this user may write.`;
  return new SidecarError('STORE_FAILED', sentence, { cause });
}
