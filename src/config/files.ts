import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { messageOf, SidecarError } from '../core/errors.ts';
import { FILE_LIMIT_BYTES } from './source.ts';

/** The rendered configuration that the daemon reads. */
export const DEFAULT_JSON_PATH = '/etc/xdg/hailo-tcn-sidecar/hailo-tcn-sidecar.json';
/** The admin's file. */
export const DEFAULT_YAML_PATH = '/etc/hailo/hailo-tcn-sidecar.yaml';

/** Returns a file's bytes or throws what node:fs throws. */
export type ReadFile = (path: string) => Uint8Array;

/**
 * A file's bytes, at most a little more than a configuration may have, so that /dev/zero ends too.
 * Throws what node:fs throws.
 */
export function readBounded(path: string): Uint8Array {
  const descriptor = openSync(path, 'r');
  try {
    if (fstatSync(descriptor).isDirectory()) throw new Error('it is a directory');
    const buffer = Buffer.alloc(FILE_LIMIT_BYTES + 1);
    let filled = 0;
    while (filled < buffer.length) {
      const count = readSync(descriptor, buffer, filled, buffer.length - filled, null);
      if (count === 0) break;
      filled += count;
    }
    return buffer.subarray(0, filled);
  } finally {
    closeSync(descriptor);
  }
}

/** The bytes of a file. Throws CONFIG_UNREADABLE with the remedy. */
export function readConfigFile(path: string, readFile: ReadFile = readBounded): Uint8Array {
  try {
    return readFile(path);
  } catch (cause) {
    throw new SidecarError('CONFIG_UNREADABLE', unreadable(path, cause), { cause });
  }
}

/**
 * The named file, or the first of the default places that is there; null when none is and none was named.
 * Throws CONFIG_UNREADABLE.
 */
export function findFile(path: string | null, readFile: ReadFile): { path: string; bytes: Uint8Array } | null {
  if (path !== null) return { path, bytes: readConfigFile(path, readFile) };
  for (const candidate of [DEFAULT_JSON_PATH, DEFAULT_YAML_PATH]) {
    try {
      return { path: candidate, bytes: readConfigFile(candidate, readFile) };
    } catch (error) {
      // Only a file that is not there may be passed over: skipping one that cannot be read would serve other settings.
      if (!isMissing((error as SidecarError).cause)) throw error;
    }
  }
  return null;
}

function isMissing(cause: unknown): boolean {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function unreadable(path: string, cause: unknown): string {
  const start = `The configuration file ${path} cannot be read`;
  const code = (cause as NodeJS.ErrnoException).code;
  if (isMissing(cause)) {
    return `${start}: there is no such file. Name an existing one with --config, or leave --config out to use the default places.`;
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return `${start}: permission denied. Let the user that runs this program read it (chmod a+r; it holds no secrets).`;
  }
  return `${start}: ${messageOf(cause)}. Name a readable file with --config.`;
}
