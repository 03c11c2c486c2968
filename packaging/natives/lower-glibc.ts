import { type ElfDynamics, readElf, type VersionNeed } from './elf.ts';

/** Debian 12 and Raspberry Pi OS 12: the oldest system that we promise to run on. */
export const NEWEST_GLIBC_MINOR = 36;

const TOO_NEW = 'GLIBC_2.38';
const C_LIBRARY = 'libc.so.6';
const PREFIX = '__isoc23_';
/**
 * A compiler that defaults to C23 asks for these new names of old functions. They differ from the old ones only in
 * that "0b101" is read as binary, which nothing in uWebSockets wants.
 */
const RENAMED = new Set(['strtol', 'strtoul', 'strtoll', 'strtoull'].map((name) => PREFIX + name));
/** The version under which each architecture's glibc has had the plain functions from the start. */
const BASE_VERSION = { x64: 'GLIBC_2.2.5', arm64: 'GLIBC_2.17' } as const;

export interface Lowered {
  readonly bytes: Buffer;
  /** What was retargeted, e.g. "__isoc23_strtol → strtol@GLIBC_2.2.5"; empty when nothing had to be. */
  readonly changes: readonly string[];
}

/**
 * A copy of a shared object that loads on glibc 2.36: its `__isoc23_strto*@GLIBC_2.38` become plain `strto*`.
 * The new names are the tails of the old ones, so no byte moves: per symbol its name offset changes, per version its
 * hash and name. Throws, and so lowers nothing, when any other symbol or any other version above 2.36 is asked for.
 */
export function lowerGlibc(original: Buffer): Lowered {
  const elf = readElf(original);
  refuseOtherVersions(elf.needs);
  const tooNew = elf.needs.filter((need) => need.version === TOO_NEW);
  if (tooNew.length === 0) return { bytes: original, changes: [] };
  const base = baseNeed(elf);
  const bytes = Buffer.from(original);
  const changes = tooNew.flatMap((need) => retarget(bytes, original, elf, need, base));
  return { bytes, changes };
}

/** The versions of glibc above 2.36 that a file asks for; empty when it loads on Debian 12. */
export function tooNewGlibc(elf: ElfDynamics): string[] {
  return elf.needs.filter(isTooNew).map((need) => `${need.version} of ${need.library}`);
}

function isTooNew(need: VersionNeed): boolean {
  const minor = /^GLIBC_2\.(\d+)(\.\d+)*$/.exec(need.version)?.[1];
  if (minor !== undefined) return Number(minor) > NEWEST_GLIBC_MINOR;
  // GLIBC_ABI_DT_RELR came with 2.36; the other GLIBC_ABI_* markers came later, or are not known here.
  return need.version.startsWith('GLIBC_') && need.version !== 'GLIBC_ABI_DT_RELR';
}

function refuseOtherVersions(needs: readonly VersionNeed[]): void {
  const other = needs.filter((need) => isTooNew(need) && !(need.version === TOO_NEW && need.library === C_LIBRARY));
  if (other.length === 0) return;
  const list = other.map((need) => `${need.version} of ${need.library}`).join(', ');
  throw new Error(
    `The file asks for ${list}, which glibc 2.${NEWEST_GLIBC_MINOR} has not and which cannot be lowered.`,
  );
}

function baseNeed(elf: ElfDynamics): VersionNeed {
  const version = BASE_VERSION[elf.machine];
  const found = elf.needs.find((need) => need.library === C_LIBRARY && need.version === version);
  if (found === undefined) throw new Error(`The file does not ask for ${version}, so nothing can be retargeted to it.`);
  return found;
}

function retarget(bytes: Buffer, original: Buffer, elf: ElfDynamics, need: VersionNeed, base: VersionNeed): string[] {
  const symbols = elf.symbols.filter((symbol) => symbol.versionIndex === need.index);
  const changes = symbols.map((symbol) => {
    if (!symbol.isUndefined || !RENAMED.has(symbol.name)) {
      throw new Error(`The file asks for ${symbol.name}@${need.version}, which has no older equivalent.`);
    }
    bytes.writeUInt32LE(symbol.nameOffset + PREFIX.length, symbol.at);
    return `${symbol.name} → ${symbol.name.slice(PREFIX.length)}@${base.version}`;
  });
  // The Vernaux keeps its index and its place in the chain; only the version it names becomes the older one.
  original.copy(bytes, need.at, base.at, base.at + 4);
  original.copy(bytes, need.at + 8, base.at + 8, base.at + 12);
  return changes;
}
