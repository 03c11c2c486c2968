import fc from 'fast-check';
import t from 'tap';
import { createSamples } from '../../../src/models/rollout/samples.ts';

t.test('nothing measured has no figures', async (t) => {
  t.equal(createSamples().latency(), null);
});

t.test('median and 99th percentile are those of the newest numbers only', async (t) => {
  const numbers = fc.array(fc.integer({ min: 0, max: 1e6 }), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(numbers, fc.integer({ min: 1, max: 120 }), (values, size) => {
      const samples = createSamples(size);
      for (const value of values) samples.add(value);
      const newest = values.slice(-size).sort((a, b) => a - b);
      const found = samples.latency()!;
      const notLonger = newest.filter((value) => value <= found.p99).length;
      t.equal(found.windows, newest.length);
      t.equal(found.median, newest[newest.length >> 1]);
      t.ok(newest.includes(found.p99) && notLonger >= 0.99 * newest.length);
      t.ok(newest.filter((value) => value < found.p99).length < 0.99 * newest.length, 'and no higher than need be');
    }),
    { numRuns: 60 },
  );
});

t.test('of 100 numbers the 99th percentile is the last but one', async (t) => {
  const samples = createSamples();
  for (let i = 100; i >= 1; i--) samples.add(i);
  t.same(samples.latency(), { windows: 100, median: 51, p99: 99 });
});
