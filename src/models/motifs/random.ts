/**
 * Numbers that look random and are the same on every machine: integer arithmetic of 32 bits only.
 * The generator is sfc32 (three words and a counter), filled from the seed by splitmix32.
 */
export interface Random {
  /** In [0, 1), 53 bits. */
  next(): number;
  /** A whole number in [0, limit). */
  below(limit: number): number;
}

/** So many words are thrown away after seeding, until close seeds have grown apart. */
const WARM_UP = 12;

/** @param seed whole, 0 to 2^32 - 1 */
export function createRandom(seed: number): Random {
  const fill = splitMix(seed);
  let [a, b, c] = [fill(), fill(), fill()];
  let counter = 1;
  function word(): number {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
  for (let i = 0; i < WARM_UP; i++) word();
  const next = () => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53;
  return { next, below: (limit) => Math.floor(next() * limit) };
}

/** The numbers 0 to count - 1 in a random order, of which the first `wanted` are kept (Fisher and Yates). */
export function drawIndices(count: number, wanted: number, random: Random): Int32Array {
  const indices = Int32Array.from({ length: count }, (_, i) => i);
  const kept = Math.min(wanted, count);
  for (let i = 0; i < kept; i++) {
    const other = i + random.below(count - i);
    const held = indices[i]!;
    indices[i] = indices[other]!;
    indices[other] = held;
  }
  return indices.slice(0, kept);
}

function splitMix(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  };
}
