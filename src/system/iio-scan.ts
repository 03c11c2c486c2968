/** How one value lies in a scan, as scan_elements/*_type says it: "le:s16/16>>0". */
export interface ScanType {
  readonly isBig: boolean;
  readonly isSigned: boolean;
  /** Those that count. */
  readonly bits: number;
  readonly storageBytes: number;
  /** Values of the kind, one after the other; the first one counts. */
  readonly repeat: number;
  readonly shift: number;
}

export interface ScanElement {
  /** "accel_x", "timestamp". */
  readonly name: string;
  readonly index: number;
  readonly type: ScanType;
}

/** Where the enabled elements lie, and how long a scan is. */
export interface ScanLayout {
  readonly bytes: number;
  readonly offsets: ReadonlyMap<string, number>;
  readonly types: ReadonlyMap<string, ScanType>;
}

/** Null for what is no type. */
export function parseScanType(text: string): ScanType | null {
  const found = /^(le|be):([su])(\d+)\/(\d+)(?:X(\d+))?>>(\d+)$/.exec(text.trim());
  if (found === null) return null;
  const [, endian, sign, bits, storage, repeat = '1', shift] = found;
  const storageBits = Number(storage);
  if (storageBits % 8 !== 0 || storageBits > 64 || Number(bits) + Number(shift) > storageBits || Number(bits) === 0)
    return null;
  return {
    isBig: endian === 'be',
    isSigned: sign === 's',
    bits: Number(bits),
    storageBytes: storageBits / 8,
    repeat: Number(repeat),
    shift: Number(shift),
  };
}

/** In the order of their indices, each at a multiple of its own size, the whole at one of the largest. */
export function layOutScan(elements: readonly ScanElement[]): ScanLayout {
  const sorted = [...elements].sort((a, b) => a.index - b.index);
  const offsets = new Map<string, number>();
  let end = 0;
  let largest = 1;
  for (const { name, type } of sorted) {
    const bytes = type.storageBytes * type.repeat;
    offsets.set(name, align(end, bytes));
    end = align(end, bytes) + bytes;
    largest = Math.max(largest, bytes);
  }
  return { bytes: align(end, largest), offsets, types: new Map(sorted.map(({ name, type }) => [name, type])) };
}

function align(offset: number, size: number): number {
  return Math.ceil(offset / size) * size;
}

/** The value at the offset, before scale and offset of its channel. */
export function readValue(scan: Uint8Array, offset: number, type: ScanType): bigint {
  const bytes = scan.subarray(offset, offset + type.storageBytes);
  let stored = 0n;
  for (let i = 0; i < bytes.length; i += 1) {
    stored = (stored << 8n) | BigInt(bytes[type.isBig ? i : bytes.length - 1 - i] ?? 0);
  }
  const shifted = stored >> BigInt(type.shift);
  return type.isSigned ? BigInt.asIntN(type.bits, shifted) : BigInt.asUintN(type.bits, shifted);
}
