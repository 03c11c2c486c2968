import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { messageOf, SidecarError } from '../core/errors.ts';
import { embeddedSet, embeddedText, type FileSet, isExecutable } from './embedded.ts';
import { cacheRoot, ensureCached, hasDigest, isTrusted } from './native-cache.ts';

/** Native code must be a file on disk; each part with the files that must lie side by side, the module first. */
const PARTS = {
  uws: ['uws.node'],
  koffi: ['koffi.node'],
  onnxruntime: ['onnxruntime_binding.node', 'libonnxruntime.so.1'],
} as const;

export type NativeName = keyof typeof PARTS;

/** Where native files may be found. */
export interface NativePlaces {
  /** The package's directory, owned by root: preferred by the executable when it has this very version. */
  readonly installed: string;
  /** Where `npm run stage` puts them for the sources. */
  readonly staged: string;
  /** What the executable carries; null when the sources run. */
  readonly embedded: FileSet | null;
  /** Where the executable unpacks; asked only when it must. */
  cache(): string;
}

/**
 * Loads a native module, unpacking it first when the executable needs that. Nothing is touched before the first call.
 * Throws NATIVE_MISSING with the cause and the remedy.
 */
export function loadNative(name: NativeName): unknown {
  return loadNativeFrom(nativePlaces(), name);
}

/** The places of this process; an executable that was asked for no native part never computes them. */
function nativePlaces(): NativePlaces {
  return {
    installed: '/usr/lib/hailo-tcn-sidecar',
    staged: join(import.meta.dirname, '..', '..', 'build', 'native', `${process.platform}-${process.arch}`),
    embedded: isExecutable() ? embeddedSet('native') : null,
    cache: () => cacheRoot(process.env),
  };
}

/** loadNative with the places as a parameter. */
export function loadNativeFrom(places: NativePlaces, name: NativeName): unknown {
  const directory = directoryOf(places, PARTS[name]);
  const file = join(directory, PARTS[name][0]);
  try {
    return createRequire(file)(file);
  } catch (cause) {
    throw new SidecarError('NATIVE_MISSING', explain(file, directory, messageOf(cause)), { cause });
  }
}

/** The directory to load the files from, with all of them in it. */
export function directoryOf(places: NativePlaces, files: readonly string[]): string {
  const { embedded, installed, staged } = places;
  if (embedded === null) return stagedDirectory(staged, files);
  if (isInstalled(installed, files, embedded)) return installed;
  return ensureCached(places.cache(), embedded, files);
}

function stagedDirectory(staged: string, files: readonly string[]): string {
  if (files.every((file) => existsSync(join(staged, file)))) return staged;
  throw new SidecarError('NATIVE_MISSING', `${files.join(' and ')} are not in ${staged}: run "npm run stage" first.`);
}

/** Another version's package may be installed beside a downloaded executable: its files are then not ours. */
function isInstalled(installed: string, files: readonly string[], embedded: FileSet): boolean {
  if (!existsSync(installed) || !isTrusted(installed)) return false;
  return files.every((file) => hasDigest(installed, file, embedded) && isTrusted(join(installed, file)));
}

/** What a person can do about a native file that is there but does not load. */
export function explain(file: string, directory: string, reason: string): string {
  const said = `${file} cannot be loaded (${reason})`;
  if (/failed to map segment|operation not permitted/i.test(reason)) {
    return `${said}: ${directory} does not allow execution (mounted noexec, or NoExecPaths= in the unit); set CACHE_DIRECTORY to a directory that does.`;
  }
  if (/version `?GLIBC/.test(reason))
    return `${said}: this system is too old; Debian 12 (glibc 2.36) or newer is needed.`;
  const library = /(lib\S+\.so[.\d]*): cannot open shared object/.exec(reason)?.[1];
  if (library !== undefined) return `${said}: install the package that has ${library}.`;
  return `${said}: the file does not fit this machine; run "npm run stage" again, or install the program again.`;
}

/**
 * Starts a thread whose code is the bundled `asset` in the executable, the module at `source` when the sources run.
 * The thread may call loadNative itself.
 */
export function startThread(asset: string, source: URL, options: WorkerOptions = {}): Worker {
  // onnxruntime otherwise keeps a device id and a database of events in the user's cache and sends them to Microsoft.
  // It asks the C environment, which only the main thread's process.env changes: a thread sets this too late.
  process.env.ORT_DISABLE_TELEMETRY = '1';
  if (!isExecutable()) return new Worker(source, options);
  return new Worker(embeddedText(asset), { ...options, eval: true });
}
