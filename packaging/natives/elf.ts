/** A version of a library's symbols that an ELF file asks for, e.g. GLIBC_2.34 of libc.so.6. */
export interface VersionNeed {
  readonly library: string;
  readonly version: string;
  /** What the symbols' version table calls it. */
  readonly index: number;
  /** Offset of its Elf64_Vernaux in the file. */
  readonly at: number;
}

/** A symbol of the dynamic table. */
export interface DynamicSymbol {
  readonly name: string;
  readonly versionIndex: number;
  readonly isUndefined: boolean;
  /** Offset of the name within the dynamic string table. */
  readonly nameOffset: number;
  /** Offset of its Elf64_Sym in the file. */
  readonly at: number;
}

/** What the dynamic linker reads of a shared object, without the parts that nothing here needs. */
export interface ElfDynamics {
  readonly machine: 'x64' | 'arm64';
  readonly needs: readonly VersionNeed[];
  readonly symbols: readonly DynamicSymbol[];
  /** The string at an offset of the dynamic string table. */
  textAt(offset: number): string;
}

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
}

const MACHINES: Readonly<Record<number, ElfDynamics['machine']>> = { 62: 'x64', 183: 'arm64' };
const SECTION_DYNSYM = 11;
const SECTION_VERNEED = 0x6ffffffe;
const SECTION_VERSYM = 0x6fffffff;
const SYMBOL_BYTES = 24;
/** The version table's top bit marks hidden symbols and is no part of the index. */
const VERSION_INDEX_MASK = 0x7fff;

/** Reads a 64-bit little-endian ELF file; throws an Error that says what it is instead. */
export function readElf(bytes: Buffer): ElfDynamics {
  if (bytes.toString('latin1', 0, 4) !== '\x7fELF') throw new Error('This is no ELF file.');
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new Error('This is no 64-bit little-endian ELF file.');
  const machine = MACHINES[bytes.readUInt16LE(18)];
  if (machine === undefined) throw new Error(`ELF machine ${bytes.readUInt16LE(18)} is neither x86-64 nor AArch64.`);
  const sections = readSections(bytes);
  const symbolSection = sectionOf(sections, SECTION_DYNSYM, 'dynamic symbols');
  const strings = sections[symbolSection.link];
  if (strings === undefined) throw new Error('The ELF file has no dynamic string table.');
  const textAt = (offset: number) => textUntilNul(bytes, strings.offset + offset);
  return {
    machine,
    textAt,
    needs: readNeeds(bytes, sections, textAt),
    symbols: readSymbols(bytes, symbolSection, sectionOf(sections, SECTION_VERSYM, 'symbol versions'), textAt),
  };
}

function readSections(bytes: Buffer): Section[] {
  const tableAt = readOffset(bytes, 40);
  const entryBytes = bytes.readUInt16LE(58);
  return Array.from({ length: bytes.readUInt16LE(60) }, (_, index) => {
    const at = tableAt + index * entryBytes;
    return {
      type: bytes.readUInt32LE(at + 4),
      offset: readOffset(bytes, at + 24),
      size: readOffset(bytes, at + 32),
      link: bytes.readUInt32LE(at + 40),
      info: bytes.readUInt32LE(at + 44),
    };
  });
}

function sectionOf(sections: readonly Section[], type: number, what: string): Section {
  const found = sections.find((section) => section.type === type);
  if (found === undefined) throw new Error(`The ELF file has no section of ${what}.`);
  return found;
}

/** Walks the chain of libraries and, for each, the chain of versions; both link by relative offsets. */
function readNeeds(bytes: Buffer, sections: readonly Section[], textAt: (offset: number) => string): VersionNeed[] {
  const section = sectionOf(sections, SECTION_VERNEED, 'version needs');
  const needs: VersionNeed[] = [];
  let libraryAt = section.offset;
  for (let left = section.info; left > 0; left--) {
    const library = textAt(bytes.readUInt32LE(libraryAt + 4));
    let at = libraryAt + bytes.readUInt32LE(libraryAt + 8);
    for (let versions = bytes.readUInt16LE(libraryAt + 2); versions > 0; versions--) {
      needs.push({
        library,
        version: textAt(bytes.readUInt32LE(at + 8)),
        index: bytes.readUInt16LE(at + 6) & VERSION_INDEX_MASK,
        at,
      });
      at += bytes.readUInt32LE(at + 12);
    }
    libraryAt += bytes.readUInt32LE(libraryAt + 12);
  }
  return needs;
}

function readSymbols(
  bytes: Buffer,
  symbols: Section,
  versions: Section,
  textAt: (offset: number) => string,
): DynamicSymbol[] {
  return Array.from({ length: symbols.size / SYMBOL_BYTES }, (_, index) => {
    const at = symbols.offset + index * SYMBOL_BYTES;
    const nameOffset = bytes.readUInt32LE(at);
    return {
      name: textAt(nameOffset),
      versionIndex: bytes.readUInt16LE(versions.offset + 2 * index) & VERSION_INDEX_MASK,
      isUndefined: bytes.readUInt16LE(at + 6) === 0,
      nameOffset,
      at,
    };
  });
}

function textUntilNul(bytes: Buffer, start: number): string {
  return bytes.toString('latin1', start, bytes.indexOf(0, start));
}

function readOffset(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}
