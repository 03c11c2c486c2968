import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type StandInHef, standInBody } from './body.ts';
import { xxh3 } from './xxh3.ts';

export type HeaderVersion = 0 | 1 | 2 | 3;

/** What the header is told; by default a header v2 with 256 bytes after the proto part. */
export interface HefHeader {
  readonly header?: HeaderVersion;
  /** What follows the proto part (the real one's configuration writes). Header v0 has none. */
  readonly ccws?: Buffer;
  /** Header v3: sets the checksum of the proto part alone, the only one that 5.x looks at then. */
  readonly hasProtoHash?: boolean;
}

/** A whole .hef that the stand-in accepts, as a file's bytes. */
export function standInHef(hef: StandInHef, header: HefHeader = {}): Buffer {
  return wrapHef(standInBody(hef), header);
}

/** Puts a header of the asked version before a proto part: magic, sizes, checksum; v3 pads to 4096 before the ccws. */
export function wrapHef(proto: Buffer, options: HefHeader = {}): Buffer {
  const { header = 2, ccws = Buffer.alloc(256, 0xcc), hasProtoHash = false } = options;
  if (header === 0) return Buffer.concat([headerV0(proto), proto]);
  const residue = Buffer.concat([proto, ccws]);
  if (header === 1) return Buffer.concat([headerV1(proto, ccws, residue), residue]);
  if (header === 2) return Buffer.concat([headerV2(proto, ccws, residue), residue]);
  const padding = Buffer.alloc((4096 - ((56 + proto.length) % 4096)) % 4096);
  const padded = Buffer.concat([proto, padding, ccws]);
  return Buffer.concat([headerV3(proto, padding.length, padded, hasProtoHash), padded]);
}

function begin(version: HeaderVersion, size: number, proto: Buffer): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUInt32BE(0x01484546, 0);
  bytes.writeUInt32BE(version, 4);
  bytes.writeUInt32BE(proto.length, 8);
  return bytes;
}

/** 12 reserved, 16 MD5. */
function headerV0(proto: Buffer): Buffer {
  const bytes = begin(0, 32, proto);
  createHash('md5').update(proto).digest().copy(bytes, 16);
  return bytes;
}

/** 12 CRC-32, 16 size of the ccws, 24 reserved. */
function headerV1(proto: Buffer, ccws: Buffer, residue: Buffer): Buffer {
  const bytes = begin(1, 28, proto);
  bytes.writeUInt32BE(crc32(residue), 12);
  bytes.writeBigUInt64BE(BigInt(ccws.length), 16);
  return bytes;
}

/** 12 XXH3, 20 size of the ccws, 28 and 36 reserved. */
function headerV2(proto: Buffer, ccws: Buffer, residue: Buffer): Buffer {
  const bytes = begin(2, 44, proto);
  bytes.writeBigUInt64BE(xxh3(residue), 12);
  bytes.writeBigUInt64BE(BigInt(ccws.length), 20);
  return bytes;
}

/** 12 XXH3, 20 size of padding and ccws, 28 size of the padding, 32 size of what follows, 40 XXH3 of the proto part (5.x). */
function headerV3(proto: Buffer, padding: number, padded: Buffer, hasProtoHash: boolean): Buffer {
  const bytes = begin(3, 56, proto);
  bytes.writeBigUInt64BE(xxh3(padded), 12);
  bytes.writeBigUInt64BE(BigInt(padded.length - proto.length), 20);
  bytes.writeUInt32BE(padding, 28);
  if (hasProtoHash) bytes.writeBigUInt64BE(xxh3(proto), 40);
  return bytes;
}
