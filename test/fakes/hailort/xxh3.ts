/**
 * XXH3 with 64 bits and no seed, for the headers that the tests write: only for more than 240 bytes, as every HEF has.
 * Written apart from the product's own, so that the two check each other; a test holds it against a real HEF.
 */
const SECRET = Buffer.from(
  [
    'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f',
    'cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c',
    '3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8',
    'a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364',
    'eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e',
    '2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e',
  ].join(''),
  'hex',
);
const P32 = [0x9e3779b1n, 0x85ebca77n, 0xc2b2ae3dn] as const;
const P64 = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const;
const u64 = (n: bigint) => BigInt.asUintN(64, n);
const fold = (a: bigint, b: bigint) => u64(a * b) ^ ((a * b) >> 64n);

/** Throws a RangeError for 240 bytes and less. */
export function xxh3(data: Buffer): bigint {
  if (data.length <= 240) throw new RangeError('this XXH3 is for more than 240 bytes');
  const lanes = [P32[2], P64[0], P64[1], P64[2], P64[3], P32[1], P64[4], P32[0]];
  const stripes = Math.floor((data.length - 1) / 64);
  for (let i = 0; i < stripes; i++) {
    accumulate(lanes, data, 64 * i, 8 * (i % 16));
    if (i % 16 === 15) scramble(lanes);
  }
  accumulate(lanes, data, data.length - 64, 121);
  return merge(lanes, BigInt(data.length));
}

function accumulate(lanes: bigint[], data: Buffer, at: number, key: number): void {
  for (let i = 0; i < 8; i++) {
    const value = data.readBigUInt64LE(at + 8 * i);
    const keyed = value ^ SECRET.readBigUInt64LE(key + 8 * i);
    lanes[i ^ 1] = u64(lanes[i ^ 1]! + value);
    lanes[i] = u64(lanes[i]! + (keyed & 0xffffffffn) * (keyed >> 32n));
  }
}

function scramble(lanes: bigint[]): void {
  for (let i = 0; i < 8; i++) {
    const lane = lanes[i]!;
    lanes[i] = u64((lane ^ (lane >> 47n) ^ SECRET.readBigUInt64LE(128 + 8 * i)) * P32[0]);
  }
}

function merge(lanes: bigint[], length: bigint): bigint {
  let hash = u64(length * P64[0]);
  for (let i = 0; i < 4; i++) {
    const a = lanes[2 * i]! ^ SECRET.readBigUInt64LE(11 + 16 * i);
    const b = lanes[2 * i + 1]! ^ SECRET.readBigUInt64LE(19 + 16 * i);
    hash = u64(hash + fold(a, b));
  }
  const mixed = u64((hash ^ (hash >> 37n)) * 0x165667919e3779f9n);
  return mixed ^ (mixed >> 32n);
}
