import fc from 'fast-check';
import t from 'tap';
import { isInShare, stepOf } from '../../../src/models/rollout/share.ts';

/** Computed by another program from the definitions of FNV-1a and of murmur3's finaliser. */
const PLACES = [6689, 1035, 470, 4670, 1986, 7436, 5910, 5332];

t.test('a key has the same place on every box, for ever', async (t) => {
  const places = ['', 'a', 'foobar', 'user-1', 'user-2', '01890a5d-ac96-774b-bcce-b302099a8057', 'größe', '鍵'].map(
    stepOf,
  );
  t.same(places, PLACES);
});

t.test('nobody is in a share of nothing, everybody in the whole', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (key) => !isInShare(key, 0) && isInShare(key, 1))),
  );
  const first = Array.from({ length: 50_000 }, (_, i) => `${i}`).find((key) => stepOf(key) === 0)!;
  t.same([isInShare(first, 0), isInShare(first, 0.0001), isInShare(first, Number.NaN)], [false, true, false]);
});

t.test('a share that grows takes no key out', async (t) => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.string(), share, share, (key, a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        return !isInShare(key, less) || isInShare(key, more);
      }),
      { numRuns: 2000 },
    ),
  );
});

/** Five standard deviations of a binomial: by chance alone one run in a million is outside, and the seeds are fixed. */
function isPlausible(hits: number, keys: number, share: number): boolean {
  return Math.abs(hits - keys * share) <= 5 * Math.sqrt(keys * share * (1 - share)) + 1e-9;
}

const hitsOf = (keys: readonly string[], share: number) => keys.filter((key) => isInShare(key, share)).length;

t.test('of random keys as many are in as the share says', async (t) => {
  const seeds = fc.integer({ min: 0, max: 2 ** 31 });
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(seeds, fc.constantFrom(0.0001, 0.01, 0.05, 0.5, 0.9), (seed, share) => {
        const keys = fc.sample(fc.uuid(), { seed, numRuns: 2000 });
        return isPlausible(hitsOf(keys, share), keys.length, share);
      }),
      { numRuns: 20, seed: 5 },
    ),
  );
});

t.test('keys that differ in their last character spread as well', async (t) => {
  for (const prefix of ['user-', 'device/00000', '']) {
    const keys = Array.from({ length: 20_000 }, (_, i) => `${prefix}${i}`);
    for (const share of [0.01, 0.05, 0.5]) {
      const hits = hitsOf(keys, share);
      t.ok(isPlausible(hits, keys.length, share), `${hits} of ${keys.length} "${prefix}" at ${share}`);
    }
  }
});
