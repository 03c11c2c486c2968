import type { ReadFile } from '../../src/config/files.ts';

/** A file system of path → text; everything else is not there. */
export function fakeFiles(files: Readonly<Record<string, string>>): ReadFile {
  return (path) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return Buffer.from(text);
  };
}
