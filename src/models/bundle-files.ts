import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import { messageOf, SidecarError } from '../core/errors.ts';
import { checkData } from './manifest.ts';

/** The largest model file, and the largest manifest, head or golden.json, that is read at all. */
export const MAX_BYTES = 512 << 20;
export const MAX_TEXT_BYTES = 16 << 20;

/** A file of the bundle; a link that leads out of it is refused, because then the bundle is not what was checked. */
export function fileOf(directory: string, name: string): string {
  const file = join(directory, name);
  let target: string;
  try {
    target = realpathSync(file);
  } catch {
    return file; // whoever reads it says what is wrong
  }
  if (target.startsWith(realpathSync(directory) + sep)) return file;
  throw new SidecarError(
    'MODEL_INVALID',
    `${file} is a link to ${target}, outside of the bundle: copy the file into it.`,
  );
}

/** Throws MODEL_INVALID with both digests when the bytes are others than the manifest says. */
export function requireDigest(bytes: Buffer, expected: string, path: string): void {
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found === expected) return;
  throw new SidecarError(
    'MODEL_INVALID',
    `${path} is not the file that the manifest describes: sha256 is ${found.slice(0, 16)}…, expected ${expected.slice(0, 16)}…. Copy the bundle again.`,
  );
}

/** A JSON file against its schema. Throws MODEL_INVALID. */
export function readJson<T>(file: string, schema: Parameters<typeof checkData>[0]): T {
  let data: unknown;
  try {
    data = JSON.parse(readText(file));
  } catch (cause) {
    if (cause instanceof SidecarError) throw cause;
    throw new SidecarError('MODEL_INVALID', `${file} is not JSON: ${messageOf(cause)}.`, { cause });
  }
  return checkData<T>(schema, data, file);
}

/** A text file of bounded size. Throws MODEL_INVALID. */
export function readText(file: string): string {
  return readBytes(file, MAX_TEXT_BYTES).toString('utf8');
}

function remedyFor(cause: unknown): string {
  if ((cause as NodeJS.ErrnoException).code !== 'EACCES') return 'Copy the bundle again.';
  return "Let the daemon's user read it (chmod a+r, and a+x on its folders); the service sees nothing below /home.";
}

/** A regular file of bounded size. Throws MODEL_INVALID. */
export function readBytes(file: string, maxBytes: number): Buffer {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK); // opening a pipe would wait for a writer
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new Error('it is no regular file');
    if (stat.size > maxBytes) throw new Error(`it has ${stat.size} bytes, more than ${maxBytes}`);
    return readFileSync(descriptor);
  } catch (cause) {
    throw new SidecarError('MODEL_INVALID', `${file} cannot be read: ${messageOf(cause)}. ${remedyFor(cause)}`, {
      cause,
    });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
