import fc from 'fast-check';
import t from 'tap';
import { Ring } from '../../src/models/ring.ts';

t.test('behaves as a plain list does, whatever is done to it', async (t) => {
  const step = fc.oneof(fc.integer(), fc.constant('shift'), fc.constant('prune'));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const ring = new Ring<number>();
      let list: number[] = [];
      const isOdd = (n: number) => n % 2 !== 0;
      for (const next of steps) {
        if (typeof next === 'number') {
          ring.push(next);
          list.push(next);
        } else if (next === 'shift') t.equal(ring.shift(), list.shift());
        else {
          ring.prune(isOdd);
          list = list.filter((n) => !isOdd(n));
        }
        const seen: number[] = [];
        ring.forEach((n) => void seen.push(n));
        if (seen.join() !== list.join() || ring.size !== list.length || ring.peek() !== list[0]) return false;
      }
      return true;
    }),
    { numRuns: 300 },
  );
});
