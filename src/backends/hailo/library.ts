import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Where distributions and Hailo's own packages put it. */
const DIRECTORIES = ['usr/local/lib', 'usr/lib', 'usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu', 'lib'];
const VERSIONED = /^libhailort\.so\.\d+(\.\d+)*$/;

/**
 * Names and paths to try in turn: the configured one alone; else the file of the driver's own version, because both must be
 * equal to the last number; then the loader's search, then files with a version in their name, newest first, because only
 * a development package has the plain name. `root` is / but in tests.
 *
 * @param driver the loaded driver, e.g. "hailo_pci 4.23.0"; null when it does not tell
 */
export function libraryCandidates(configured: string | null, driver: string | null, root = '/'): readonly string[] {
  if (configured !== null) return [configured];
  const found = DIRECTORIES.flatMap((directory) => {
    const path = join(root, directory);
    return list(path)
      .filter((name) => VERSIONED.test(name))
      .map((name) => join(path, name));
  }).sort(byVersion);
  const wanted = `libhailort.so.${driver?.split(' ').at(-1)}`;
  return [...found.filter((path) => basename(path) === wanted), 'libhailort.so', ...found];
}

function byVersion(a: string, b: string): number {
  return basename(b).localeCompare(basename(a), 'en', { numeric: true });
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // not there
  }
}
