import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Where distributions and Hailo's own packages put it. */
const DIRECTORIES = ['usr/local/lib', 'usr/lib', 'usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu', 'lib'];
const VERSIONED = /^libhailort\.so\.\d+(\.\d+)*$/;

/**
 * Names and paths to try in turn: the configured one alone, else the loader's own search, then files with a version in
 * their name, newest first, because only a development package has the plain name. `root` is / but in tests.
 */
export function libraryCandidates(configured: string | null, root = '/'): readonly string[] {
  if (configured !== null) return [configured];
  const found = DIRECTORIES.flatMap((directory) => {
    const path = join(root, directory);
    return list(path)
      .filter((name) => VERSIONED.test(name))
      .map((name) => join(path, name));
  });
  return ['libhailort.so', ...found.sort(byVersion)];
}

function byVersion(a: string, b: string): number {
  return b.localeCompare(a, 'en', { numeric: true });
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // not there
  }
}
