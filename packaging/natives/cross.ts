import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { crossDirectory, ROOT } from '../project.ts';
import type { Arch } from './stage.ts';

/**
 * Fetches what npm leaves out on this machine because it is for another architecture (Node, koffi's binary), through
 * the ordinary npm client and a lockfile with digests, into build/cross/<arch>. Does nothing when it is there already.
 */
export function fetchCross(arch: Arch): void {
  const project = join(ROOT, 'packaging', 'natives', 'cross', arch);
  const directory = crossDirectory(arch);
  if (isInstalled(project, directory)) return;
  rmSync(directory, { recursive: true, force: true });
  cpSync(project, directory, { recursive: true });
  // --force: only so that npm, of any version, takes packages for another cpu; the lockfile's digests still bind.
  const npm = spawnSync('npm', ['ci', '--force', '--prefix', directory], { cwd: directory, encoding: 'utf8' });
  if (npm.status === 0 && existsSync(installedMark(directory))) return;
  const said = npm.error?.message ?? npm.stderr;
  throw new Error(`npm ci in build/cross/${arch} failed; it fetches Node and koffi for linux-${arch}:\n${said}`);
}

/** npm writes this file last. */
function installedMark(directory: string): string {
  return join(directory, 'node_modules', '.package-lock.json');
}

function isInstalled(project: string, directory: string): boolean {
  if (!existsSync(installedMark(directory))) return false;
  const lock = (where: string) => readFileSync(join(where, 'package-lock.json'), 'utf8');
  return lock(project) === lock(directory);
}
