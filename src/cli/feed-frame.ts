import { BINARY_HEADER_BYTES, BINARY_VERSION } from '../core/stream-hello.ts';
import type { Sample } from './feed-recording.ts';

/** The binary frame of samples that follow each other; at least one. */
export function toFrame(samples: readonly Sample[]): Uint8Array {
  const columns = samples[0]?.values.length ?? 0;
  const frame = new DataView(new ArrayBuffer(BINARY_HEADER_BYTES + samples.length * columns * 4));
  frame.setUint8(0, BINARY_VERSION);
  frame.setUint16(2, samples.length, true);
  frame.setUint32(4, (samples[0]?.seq ?? 0) % 2 ** 32, true);
  frame.setFloat64(8, samples[0]?.timeMs ?? Number.NaN, true);
  let at = BINARY_HEADER_BYTES;
  for (const { values } of samples) {
    for (const value of values) {
      frame.setFloat32(at, value, true);
      at += 4;
    }
  }
  return new Uint8Array(frame.buffer);
}
