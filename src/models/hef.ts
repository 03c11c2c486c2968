import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { SidecarError } from '../core/errors.ts';

/** What the header of a Hailo executable (.hef) says; the rest is the library's business. */
export interface HefHeader {
  readonly version: number;
  /** Size of the protocol buffer behind the header, in bytes. */
  readonly protoBytes: number;
}

/** Where a header version keeps its checksum and its sizes; all big-endian, as libhailort 4.23 reads them. */
interface Layout {
  readonly headerBytes: number;
  /** Bytes that must follow the header. */
  bodyBytes(head: DataView): number;
  /** The stored checksum as hex. */
  stored(head: DataView): string;
  /** The checksum of the body as hex. */
  compute(body: Uint8Array): string | Promise<string>;
}

const MAGIC = 0x01484546;
const PROTO_AT = 8;
const hex = (value: bigint | number, digits: number) => value.toString(16).padStart(digits, '0');
const proto = (head: DataView) => head.getUint32(PROTO_AT);
const size64 = (head: DataView, at: number) => Number(head.getBigUint64(at));
const xxh3 = {
  bodyBytes: (head: DataView) => proto(head) + size64(head, 20),
  stored: (head: DataView) => hex(head.getBigUint64(12), 16),
  compute: async (body: Uint8Array) => (await import('hash-wasm')).xxhash3(body),
};

const LAYOUTS: readonly Layout[] = [
  {
    headerBytes: 32,
    bodyBytes: proto,
    stored: (head) => Buffer.from(head.buffer, head.byteOffset + 16, 16).toString('hex'),
    compute: (body) => createHash('md5').update(body).digest('hex'),
  },
  {
    headerBytes: 28,
    bodyBytes: (head) => proto(head) + size64(head, 16),
    stored: (head) => hex(head.getUint32(12), 8),
    compute: (body) => hex(crc32(body), 8),
  },
  { headerBytes: 44, ...xxh3 },
  { headerBytes: 56, ...xxh3, bodyBytes: (head) => xxh3.bodyBytes(head) + size64(head, 32) },
];

/**
 * Checks a .hef before any library sees it: magic, header version, sizes, checksum. libhailort 5 does not notice a
 * truncated file, and 4.23 names text an "unsupported version".
 *
 * @param path for the messages
 * @throws SidecarError MODEL_INVALID
 */
export async function verifyHef(bytes: Uint8Array, path: string): Promise<HefHeader> {
  const head = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || head.getUint32(0) !== MAGIC)
    throw refuse(path, 'it does not begin with 01 48 45 46', COMPILE);
  if (bytes.length < 12) throw refuse(path, `it ends within its header, after ${bytes.length} bytes`, COPY);
  const version = head.getUint32(4);
  const layout = LAYOUTS[version];
  if (layout === undefined) throw refuse(path, `its header version ${version} is unknown (known: 0 to 3)`, COMPILE);
  if (bytes.length < layout.headerBytes)
    throw refuse(path, `it ends within its header, after ${bytes.length} bytes`, COPY);
  const body = bytes.subarray(layout.headerBytes);
  const expected = layout.bodyBytes(head);
  if (body.length !== expected) throw refuse(path, wrongSize(body.length, expected), COPY);
  const computed = await layout.compute(body);
  if (computed !== layout.stored(head)) throw refuse(path, 'its content does not match its checksum', COPY);
  return { version, protoBytes: proto(head) };
}

const COMPILE = "Compile the model with Hailo's compiler, or take the artefact out of the manifest.";
const COPY = 'The file is damaged: copy it again.';

function wrongSize(found: number, expected: number): string {
  const difference =
    found < expected ? `${expected - found} bytes are missing` : `${found - expected} bytes are too many`;
  return `its header announces ${expected} bytes, ${difference}`;
}

function refuse(path: string, what: string, remedy: string): SidecarError {
  return new SidecarError('MODEL_INVALID', `${path} is not a sound Hailo executable: ${what}. ${remedy}`);
}
