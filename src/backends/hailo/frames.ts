/**
 * What goes between the daemon and its device host: a header of 12 bytes, then a payload.
 *
 *     u32 payload bytes | u32 ticket | u32 kind      all little-endian
 */
export const KIND = {
  /** JSON, see messages.ts. */
  control: 0,
  /** A window or its outputs, float32. */
  window: 1,
} as const;

export interface Frame {
  readonly kind: number;
  readonly ticket: number;
  /** Valid until the listener returns. */
  readonly payload: Buffer;
}

const HEADER_BYTES = 12;
/** A .hef goes by path, so nothing large crosses. */
const MAX_PAYLOAD_BYTES = 4 << 20;

export function encodeFrame(kind: number, ticket: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame.writeUInt32LE(ticket, 4);
  frame.writeUInt32LE(kind, 8);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

/** A function that takes the channel's chunks as they come and calls `onFrame` for each whole frame. */
export function createDecoder(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let size = frameBytes(bytes); bytes.length >= size; size = frameBytes(bytes)) {
      onFrame({
        kind: bytes.readUInt32LE(8),
        ticket: bytes.readUInt32LE(4),
        payload: bytes.subarray(HEADER_BYTES, size),
      });
      bytes = bytes.subarray(size);
    }
    rest = bytes.length === 0 ? bytes : Buffer.from(bytes);
  };
}

/** Size of the frame that begins here; Infinity while its header is not whole. Throws when no peer of ours would say so. */
function frameBytes(bytes: Buffer): number {
  if (bytes.length < HEADER_BYTES) return Number.POSITIVE_INFINITY;
  const payload = bytes.readUInt32LE(0);
  if (payload > MAX_PAYLOAD_BYTES) throw new RangeError(`a frame of ${payload} bytes`);
  return HEADER_BYTES + payload;
}
