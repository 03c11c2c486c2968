import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { readElf } from '../natives/elf.ts';
import { tooNewGlibc } from '../natives/lower-glibc.ts';
import { type Arch, type StagedFile, sha256Of } from '../natives/stage.ts';
import { NODE_FLAGS, packageDirectory, ROOT, stagedDirectory } from '../project.ts';

/** What goes into one executable; files that exist when it is made. */
export interface ExecutableParts {
  readonly arch: Arch;
  /** The bundled main program, CommonJS. */
  readonly main: string;
  /** Bundled code of threads: asset name → file. */
  readonly threads: Readonly<Record<string, string>>;
  /** The model bundle that ships. */
  readonly model: string;
  /** What `--version` says. */
  readonly release: { readonly version: string; readonly commit: string | null };
}

/** Node looks for this text in its own binary; the injected blob changes its last digit. */
const SENTINEL_FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/**
 * Makes the executable of one architecture: Node's binary of exactly the version that runs this build (the blob's
 * format belongs to a version), with the program, its native parts and its model inside. Equal parts give equal bytes.
 */
export function makeExecutable(parts: ExecutableParts, work: string, output: string): void {
  const node = targetNode(parts.arch);
  mkdirSync(work, { recursive: true });
  makeBlob(parts, work);
  const unfinished = join(work, 'executable');
  copyFileSync(node, unfinished);
  chmodSync(unfinished, 0o755);
  injectBlob(unfinished, join(work, 'sea.blob'));
  mkdirSync(dirname(output), { recursive: true });
  renameSync(unfinished, output);
}

function targetNode(arch: Arch): string {
  const home = packageDirectory(arch, `node-linux-${arch}`);
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string };
  if (version !== process.versions.node) {
    throw new Error(
      `This build runs on Node ${process.versions.node}, but node-linux-${arch} is ${version}: run npm ci.`,
    );
  }
  const binary = join(home, 'bin', 'node');
  const tooNew = tooNewGlibc(readElf(readFileSync(binary)));
  if (tooNew.length > 0) throw new Error(`node-linux-${arch} asks for ${tooNew.join(', ')}.`);
  return binary;
}

/** Paths in the configuration are relative to the work directory: an absolute one would get into the blob. */
function makeBlob(parts: ExecutableParts, work: string): void {
  copyFileSync(parts.main, join(work, 'main.cjs'));
  const config = {
    main: 'main.cjs',
    output: 'sea.blob',
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    // It would save about 10 ms per start, but differs from build to build, and fits only the building architecture.
    useCodeCache: false,
    execArgv: NODE_FLAGS,
    // Neither NODE_OPTIONS nor --node-options may change how the daemon runs.
    execArgvExtension: 'none',
    assets: Object.fromEntries(assetsOf(parts, work).map(([name, path]) => [name, relative(work, path)])),
  };
  writeFileSync(join(work, 'sea.json'), JSON.stringify(config, null, 2));
  execFileSync(process.execPath, ['--experimental-sea-config', 'sea.json'], { cwd: work, stdio: 'pipe' });
}

/** In a process of its own: it needs almost 2 GB for a while, and warns about section names that do not matter. */
function injectBlob(executable: string, blob: string): void {
  const postject = join(ROOT, 'node_modules', 'postject', 'dist', 'cli.js');
  const args = [postject, executable, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', SENTINEL_FUSE];
  execFileSync(process.execPath, args, { stdio: 'pipe' });
}

function assetsOf(parts: ExecutableParts, work: string): [name: string, path: string][] {
  return [
    writeAsset(work, 'release.json', parts.release),
    ...Object.entries(parts.threads),
    ...assetSet(work, 'native', stagedDirectory(parts.arch), stagedDigests(parts.arch)),
    ...assetSet(work, 'model', parts.model, directoryDigests(parts.model)),
  ];
}

/** A set as system/embedded.ts reads it: an index of digests and the files. */
function assetSet(
  work: string,
  set: string,
  directory: string,
  digests: Readonly<Record<string, string>>,
): [name: string, path: string][] {
  const files = Object.keys(digests).map((file): [string, string] => [`${set}/${file}`, join(directory, file)]);
  return [writeAsset(work, `${set}/index.json`, digests), ...files];
}

function writeAsset(work: string, name: string, content: object): [name: string, path: string] {
  const path = join(work, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(content));
  return [name, path];
}

function stagedDigests(arch: Arch): Record<string, string> {
  const text = readFileSync(join(stagedDirectory(arch), 'natives.json'), 'utf8');
  const staged = JSON.parse(text) as Record<string, StagedFile>;
  return Object.fromEntries(Object.entries(staged).map(([file, { sha256 }]) => [file, sha256]));
}

function directoryDigests(directory: string): Record<string, string> {
  const files = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile());
  const names = files.map((entry) => entry.name).sort();
  return Object.fromEntries(names.map((name) => [name, sha256Of(readFileSync(join(directory, name)))]));
}
