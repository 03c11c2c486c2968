import { renameSync, writeFileSync } from 'node:fs';

/**
 * Writes the control file of the stand-in in one step, so that a running process never reads half of it. It is in force
 * 15 ms later at most. README.md has the lines.
 */
export function writeScript(path: string, ...lines: string[]): void {
  writeFileSync(`${path}.new`, lines.map((line) => `${line}\n`).join(''));
  renameSync(`${path}.new`, path);
}
