import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readElf } from './elf.ts';
import { lowerGlibc, tooNewGlibc } from './lower-glibc.ts';

export type Arch = 'x64' | 'arm64';

/** Where a native file comes from, and what it must be there and after staging. */
export interface Pin {
  readonly package: string;
  readonly path: string;
  /** sha256 of the package's file. */
  readonly source: string;
  /** sha256 of the file that is staged and shipped. */
  readonly sha256: string;
}

/** `linux-<arch>` → file name → pin. */
export type Pins = Readonly<Record<string, Readonly<Record<string, Pin>>>>;

/** natives.json beside the staged files, by which the program knows them. */
export interface StagedFile {
  readonly sha256: string;
  readonly bytes: number;
  /** The package and path it was made from. */
  readonly source: string;
}

export interface StageRequest {
  readonly arch: Arch;
  readonly pins: Pins;
  /** node_modules directories; a package is taken from the first that has it. */
  readonly modules: readonly string[];
  readonly directory: string;
  /** Reads and checks everything again even when natives.json says that all is in place. */
  readonly verify?: boolean;
}

/** Puts the native files of one architecture into a directory. Returns the names of those written; [] when up to date. */
export function stageNatives(request: StageRequest): string[] {
  const pins = request.pins[`linux-${request.arch}`];
  if (pins === undefined) throw new Error(`pins.json knows no native files for linux-${request.arch}.`);
  if (!request.verify && isUpToDate(request.directory, pins)) return [];
  mkdirSync(request.directory, { recursive: true });
  const staged: Record<string, StagedFile> = {};
  for (const [file, pin] of Object.entries(pins)) {
    const bytes = readPinned(file, pin, request.modules);
    replaceFile(join(request.directory, file), bytes);
    staged[file] = { sha256: pin.sha256, bytes: bytes.length, source: `${pin.package}/${pin.path}` };
  }
  // Last, so that a directory with a natives.json is a complete one.
  replaceFile(join(request.directory, 'natives.json'), `${JSON.stringify(staged, null, 2)}\n`);
  return Object.keys(staged);
}

/** The file as it is shipped: read from its package, lowered if need be, and checked against both of its pins. */
function readPinned(file: string, pin: Pin, modules: readonly string[]): Buffer {
  const home = modules.map((directory) => join(directory, pin.package)).find((directory) => existsSync(directory));
  if (home === undefined) {
    throw new Error(`${file} comes from the package ${pin.package}, which is not installed: run npm ci.`);
  }
  const original = readFileSync(join(home, pin.path));
  requireDigest(original, pin.source, `The package ${pin.package} changed: its ${pin.path}`);
  const { bytes } = lowerGlibc(original);
  const tooNew = tooNewGlibc(readElf(bytes));
  if (tooNew.length > 0) throw new Error(`${file} asks for ${tooNew.join(', ')}, too new for the systems we promise.`);
  requireDigest(bytes, pin.sha256, `${file}, made from ${pin.package},`);
  return bytes;
}

function requireDigest(bytes: Buffer, expected: string, subject: string): void {
  const actual = sha256Of(bytes);
  if (actual === expected) return;
  throw new Error(
    `${subject} has sha256 ${actual}, packaging/natives/pins.json expects ${expected}. ` +
      'Run npm ci for the pinned version; after a deliberate update, check the new file and pin it.',
  );
}

/** Digests and sizes as pinned: cheap enough for every start. */
function isUpToDate(directory: string, pins: Readonly<Record<string, Pin>>): boolean {
  const staged = readStaged(directory);
  if (staged === null || Object.keys(staged).length !== Object.keys(pins).length) return false;
  return Object.entries(pins).every(([file, pin]) => {
    const size = statSync(join(directory, file), { throwIfNoEntry: false })?.size;
    return staged[file]?.sha256 === pin.sha256 && staged[file]?.bytes === size;
  });
}

function readStaged(directory: string): Record<string, StagedFile> | null {
  try {
    return JSON.parse(readFileSync(join(directory, 'natives.json'), 'utf8')) as Record<string, StagedFile>;
  } catch {
    return null;
  }
}

/** Under a temporary name first: a running program keeps the old file, a killed staging leaves no half of a new one. */
export function replaceFile(path: string, content: Buffer | string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content, { mode });
  renameSync(temporary, path);
}

export function sha256Of(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
