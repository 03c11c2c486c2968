import { Value } from 'typebox/value';
import { SidecarError } from '../../core/errors.ts';
import { ManifestSchema } from '../../core/manifest.ts';
import { MAX_BYTES, MAX_TEXT_BYTES } from '../bundle-files.ts';

/** What a bundle's files may be called and how large they may be; the same in an archive and in a directory. */
export const MANIFEST = 'manifest.yaml';
export const DIGESTS = 'SHA256SUMS';
export const SIGNATURES = 'SHA256SUMS.sig';

export const MAX_MEMBERS = 16;
/** All files of a bundle together: two model files of the largest size, and their texts. */
export const MAX_BUNDLE_BYTES = 2 * MAX_BYTES + MAX_MEMBERS * MAX_TEXT_BYTES;
const MAX_NAME_BYTES = 100; // what a ustar header holds

const TEXT = /\.(json|yaml|md|txt|csv)$/;

export const isText = (name: string): boolean => TEXT.test(name) || name === DIGESTS || name === SIGNATURES;

/** A name that the manifest could name: no path, no blank, no leading dot. */
export const isPlainName = (name: string): boolean =>
  name.length <= MAX_NAME_BYTES && Value.Check(ManifestSchema.properties.golden, name);

export interface BundleLimits {
  /** Of all files together, bytes. */
  readonly maxBytes: number;
  /** Of one file; 512 MiB by default. */
  readonly maxMemberBytes?: number;
  /** How the bundle is called in sentences. */
  readonly label?: string;
}

/** One file as its header or its inode announces it. */
export interface Announced {
  readonly name: string;
  readonly size: number;
}

/** Checks file after file what a bundle may consist of. Throws MODEL_INVALID. */
export function createAdmission(limits: BundleLimits): (file: Announced) => void {
  const label = limits.label ?? 'The bundle file';
  const seen = new Set<string>();
  let total = 0;
  return ({ name, size }) => {
    const shown = `${label}: ${quote(name)}`;
    requirePlace(shown, name, seen);
    const limit = Math.min(limits.maxMemberBytes ?? MAX_BYTES, isText(name) ? MAX_TEXT_BYTES : MAX_BYTES);
    if (!(size <= limit)) throw invalid(`${shown} has ${size} bytes, more than the ${limit} that it may have.`);
    total += size;
    if (total > limits.maxBytes) {
      throw invalid(`${shown} would make the bundle larger than the ${limits.maxBytes} bytes that it may have.`);
    }
    seen.add(name);
  };
}

function requirePlace(shown: string, name: string, seen: ReadonlySet<string>): void {
  if (!isPlainName(name)) {
    throw invalid(
      `${shown} is no plain file name: it takes up to ${MAX_NAME_BYTES} letters, digits, dots, dashes and underscores, no path, no dot or dash first.`,
    );
  }
  if (seen.size === 0 && name !== MANIFEST) throw invalid(`${shown} comes first, where ${MANIFEST} must be.`);
  if (seen.has(name)) throw invalid(`${shown} is in it twice.`);
  if (seen.size === MAX_MEMBERS) throw invalid(`${shown} is one file more than the ${MAX_MEMBERS} that it may have.`);
}

/** A name from outside in a message: quoted, on one line, printable whatever it is. */
export function quote(name: string): string {
  const toEscape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(name).replaceAll(/[^ -~]/g, toEscape);
}

export const REPACK = 'Make it again with "hailo-tcn-sidecar model pack".';

/** What is not as a bundle must be; the sentence gets its remedy here. */
export function invalid(sentence: string, remedy = REPACK): SidecarError {
  return new SidecarError('MODEL_INVALID', `${sentence} ${remedy}`);
}
