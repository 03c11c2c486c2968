/** Takes bytes out of chunks in the portions that a parser wants; holds one chunk and one block at most. */
export interface ByteStream {
  /** Exactly `size` bytes, or fewer where the stream ends; small sizes only. */
  block(size: number): Promise<Uint8Array>;
  /** 1 to `max` bytes as they come; none at the end of the stream. */
  some(max: number): Promise<Uint8Array>;
  /** Releases what gives the chunks. */
  close(): Promise<void>;
}

const NOTHING = new Uint8Array(0);

export function createByteStream(bytes: AsyncIterable<Uint8Array>): ByteStream {
  const source = bytes[Symbol.asyncIterator]();
  let rest: Uint8Array = NOTHING;

  async function some(max: number): Promise<Uint8Array> {
    while (rest.length === 0) {
      const { done, value } = await source.next();
      if (done) return NOTHING;
      rest = value;
    }
    const piece = rest.subarray(0, max);
    rest = rest.subarray(piece.length);
    return piece;
  }

  async function block(size: number): Promise<Uint8Array> {
    const first = await some(size);
    if (first.length === size) return first;
    const whole = Buffer.alloc(size);
    let filled = 0;
    for (let piece = first; piece.length > 0; piece = await some(size - filled)) {
      whole.set(piece, filled);
      filled += piece.length;
      if (filled === size) break;
    }
    return whole.subarray(0, filled);
  }

  return { some, block, close: async () => void (await source.return?.()) };
}
