import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SidecarError } from '../core/errors.ts';
import { type AttemptOptions, addressDigest, attempt } from './download-attempt.ts';
import { Interruption, showUrl, toHttpsUrl } from './https-get.ts';
import { type OpenFile, openPartial, type PartialFile } from './partial-file.ts';

export interface DownloadOptions {
  /** Where the file goes; what is not whole yet is kept there, too. */
  readonly directory: string;
  /** Its name; the last part of the address by default. */
  readonly file?: string;
  /** 1 GiB by default. */
  readonly maxBytes?: number;
  /** 64 hex digits; null: not known. */
  readonly sha256?: string | null;
  readonly signal?: AbortSignal;
  /** `total` is null while the server does not say. */
  onProgress?(progress: { readonly bytes: number; readonly total: number | null }): void;
  /** Hears why the connection is tried again, in so many milliseconds. */
  onRetry?(why: string, pauseMs: number): void;
  /** Certificate authorities in place of the system's, as PEM. */
  readonly ca?: string;
  /** How long the server may be silent; 30 s by default. */
  readonly idleMs?: number;
  /** One pause per retry; five that grow by default. */
  readonly pausesMs?: readonly number[];
  /** For tests of a full disk. */
  readonly openFile?: OpenFile;
}

export interface Downloaded {
  readonly file: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

const MAX_BYTES = 1 << 30;
const IDLE_MS = 30_000;
const PAUSES_MS = [1000, 2000, 4000, 8000, 16_000];
/** So much more than ever before, and the retries are counted from the start. */
const HEADWAY_BYTES = 1 << 20;

/**
 * Downloads a file over https. A connection that breaks off is tried again; what is there already is not asked for twice,
 * also by a later run, as long as the server's file is still the same one.
 *
 * Throws USAGE (no https URL), UNAVAILABLE (the server, the network or its certificate; or it was stopped), MODEL_INVALID
 * (too large, or another digest: nothing is kept then), STORE_FAILED (the disk).
 */
export async function download(address: string, options: DownloadOptions): Promise<Downloaded> {
  const url = toHttpsUrl(address);
  const expected = toDigest(options.sha256 ?? null);
  const file = join(options.directory, options.file ?? fileNameOf(url));
  const partial = await openPartial(file, {
    shownUrl: showUrl(url),
    address: addressDigest(url),
    ...(options.openFile && { openFile: options.openFile }),
  });
  await insist(url, partial, options);
  const { bytes } = partial;
  const sha256 = await partial.digest();
  if (expected !== null && sha256 !== expected) {
    await partial.drop();
    throw new SidecarError(
      'MODEL_INVALID',
      `${showUrl(url)} is not the file that was asked for: its sha256 is ${sha256}, expected ${expected}. It was deleted; check the digest and the address.`,
    );
  }
  await partial.finish();
  return { file, bytes, sha256 };
}

/** The last part of the address where it is a plain file name, else "download". */
export function fileNameOf({ pathname }: URL): string {
  const name = pathname.slice(pathname.lastIndexOf('/') + 1);
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/.test(name) ? name : 'download';
}

function toDigest(text: string | null): string | null {
  if (text === null || /^[0-9a-f]{64}$/i.test(text)) return text?.toLowerCase() ?? null;
  throw new SidecarError(
    'USAGE',
    'The sha256 to expect is not one: it takes 64 hex digits, as "sha256sum FILE" prints them.',
  );
}

/** Tries until the file is whole, with a pause after each failure. */
async function insist(url: URL, partial: PartialFile, options: DownloadOptions): Promise<void> {
  const pausesMs = options.pausesMs ?? PAUSES_MS;
  const { maxBytes = MAX_BYTES, idleMs = IDLE_MS } = options;
  let furthest = partial.bytes;
  for (let failures = 0; ; failures++) {
    const failure = await tryOnce(url, partial, { ...options, maxBytes, idleMs });
    if (failure === null) return;
    if (partial.bytes >= furthest + HEADWAY_BYTES) failures = 0;
    furthest = Math.max(furthest, partial.bytes);
    const pauseMs = pausesMs[failures];
    if (pauseMs === undefined) throw givenUp(url, partial, failure, failures);
    options.onRetry?.(failure.message, pauseMs);
    await rest(pauseMs, url, partial, options);
  }
}

/** null when the file is whole, else what may be gone a moment later; throws the rest. */
async function tryOnce(url: URL, partial: PartialFile, options: AttemptOptions): Promise<Interruption | null> {
  try {
    await attempt(url, partial, options);
    return null;
  } catch (thrown) {
    if (options.signal?.aborted) throw stopped(url, partial);
    if (thrown instanceof Interruption) return thrown;
    throw thrown;
  }
}

async function rest(pauseMs: number, url: URL, partial: PartialFile, { signal }: DownloadOptions): Promise<void> {
  try {
    await pause(pauseMs, undefined, signal && { signal });
  } catch {
    throw stopped(url, partial);
  }
}

const keptSentence = ({ bytes, version }: PartialFile) =>
  version === null || bytes === 0 ? '' : ` ${bytes} bytes are kept, and another run goes on from there.`;

function stopped(url: URL, partial: PartialFile): SidecarError {
  return new SidecarError('UNAVAILABLE', `The download of ${showUrl(url)} was stopped.${keptSentence(partial)}`);
}

function givenUp(url: URL, partial: PartialFile, cause: Interruption, retries: number): SidecarError {
  const sentence = `${showUrl(url)} could not be downloaded: ${cause.message}, also after ${retries} retries.${keptSentence(partial)}`;
  return new SidecarError('UNAVAILABLE', `${sentence} Check the network and the server, then try again.`, { cause });
}
