const STEPS = 10_000;

/**
 * Whether what this key belongs to is part of a share of all keys: always the same answer for the same key, on any box and
 * after any restart. A share that grows takes no key out.
 *
 * @param share 0 (none) to 1 (all); counts in steps of 1/10,000
 */
export function isInShare(key: string, share: number): boolean {
  return stepOf(key) < Math.round(share * STEPS);
}

/** The key's place in the order in which a growing share takes keys in, 0 to 9,999. */
export function stepOf(key: string): number {
  return Math.floor((spread(fnv1a(key)) / 2 ** 32) * STEPS);
}

/** FNV-1a, 32 bit, over the low byte of each UTF-16 unit and the high one where there is any: as of the bytes for ASCII. */
function fnv1a(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    if (unit > 0xff) hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return hash >>> 0;
}

/** FNV leaves the upper bits of near keys ("user-1", "user-2") alike; this lets every bit reach all others (murmur3). */
function spread(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
