import { SidecarError } from '../../core/errors.ts';

/** A version of libhailort. */
export interface LibraryVersion {
  readonly major: number;
  readonly minor: number;
  readonly revision: number;
}

/** Sizes and offsets, in bytes, of the structs that differ between versions. x86_64 and arm64 are alike. */
export interface Abi {
  readonly vstreamInfoBytes: number;
  readonly vstreamQuantAt: number;
  readonly extendedInfoBytes: number;
  readonly configureParamsBytes: number;
}

/** Alike in all supported versions. */
export const VDEVICE_PARAMS = { bytes: 40, count: 0, ids: 8, service: 32 } as const;
export const VSTREAM_PARAMS = { bytes: 156, timeoutAt: 140, queueAt: 144 } as const;
export const DEVICE_ID_BYTES = 32;
/** Names: a length, then so many bytes, which no NUL need end. */
export const IDENTITY = { bytes: 140, firmware: 4, archAt: 56, boardAt: 20, serialAt: 60, productAt: 94 } as const;
export const TEMPERATURE = { bytes: 12, ts0: 0, ts1: 4 } as const;
/** Of the first network group in configure_params. */
export const CONFIGURE_PARAMS = { batchAt: 8 + 128 } as const;
export const FLOAT32 = 3;

const ARCHITECTURES = ['Hailo-8 A0', 'Hailo-8', 'Hailo-8L', 'Hailo-15H', 'Hailo-15L', 'Hailo-15M', 'Hailo-10H'];

/** The chip's name for a person. */
export function architectureName(arch: number): string {
  return ARCHITECTURES[arch] ?? `Hailo (architecture ${arch})`;
}

const at = (major: number, minor: number, revision = 0) => major * 1e6 + minor * 1e3 + revision;
const numberOf = ({ major, minor, revision }: LibraryVersion) => at(major, minor, revision);

export function showVersion({ major, minor, revision }: LibraryVersion): string {
  return `${major}.${minor}.${revision}`;
}

/**
 * The tables for a version, measured for 4.17 to 4.23 and 5.0 to 5.2.
 *
 * @throws SidecarError BACKEND_UNAVAILABLE for any other: with wrong offsets a call would write over our memory
 */
export function abiOf(version: LibraryVersion): Abi {
  const number = numberOf(version);
  const isKnown = (number >= at(4, 17) && number < at(4, 24)) || (number >= at(5, 0) && number < at(5, 3));
  if (!isKnown) {
    throw new SidecarError(
      'BACKEND_UNAVAILABLE',
      `libhailort ${showVersion(version)} is of an unknown layout; known are 4.17 to 4.23 and 5.0 to 5.2. Install one of them, or a newer version of this program.`,
    );
  }
  return {
    vstreamInfoBytes: number >= at(4, 20) ? 436 : 432,
    vstreamQuantAt: number >= at(4, 20) ? 420 : 416,
    extendedInfoBytes: number >= at(4, 21) ? 96 : 92,
    configureParamsBytes: number >= at(5, 1, 1) ? 64_008 : 84_488,
  };
}
