import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Arch, type Pins, stageNatives } from './natives/stage.ts';

/** How Node runs the daemon: the young generation, up to 128 MB otherwise, is filled before it is collected. */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=4'];

/** The project's root, from wherever a script is started. */
export const ROOT = join(import.meta.dirname, '..');

/** Where the packages go that npm leaves out of node_modules because they are for the other architecture. */
export function crossDirectory(arch: Arch): string {
  return join(ROOT, 'build', 'cross', arch);
}

function moduleDirectories(arch: Arch): string[] {
  return [join(ROOT, 'node_modules'), join(crossDirectory(arch), 'node_modules')];
}

/** The directory of an installed package for an architecture; throws when it is not installed. */
export function packageDirectory(arch: Arch, name: string): string {
  const found = moduleDirectories(arch)
    .map((directory) => join(directory, name))
    .find((directory) => existsSync(directory));
  if (found === undefined) throw new Error(`The package ${name} is not installed: run npm ci.`);
  return found;
}

/** Stages this project's native files into build/native/linux-<arch>; returns the names of those written. */
export function stageProject(arch: Arch, options: { verify?: boolean } = {}): string[] {
  const pins = JSON.parse(readFileSync(join(ROOT, 'packaging/natives/pins.json'), 'utf8')) as Pins;
  return stageNatives({
    arch,
    pins,
    modules: moduleDirectories(arch),
    directory: stagedDirectory(arch),
    ...options,
  });
}

export function stagedDirectory(arch: Arch): string {
  return join(ROOT, 'build', 'native', `linux-${arch}`);
}

/** The architecture of this machine; throws where the product does not run. */
export function hostArch(): Arch {
  const { platform, arch } = process;
  if (platform === 'linux' && (arch === 'x64' || arch === 'arm64')) return arch;
  throw new Error(`hailo-tcn-sidecar runs on Linux on x64 and arm64; this is ${platform} on ${arch}.`);
}
