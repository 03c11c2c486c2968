import t from 'tap';
import { createLineLimit } from '../../src/observe/line-limit.ts';

t.test('so many lines per second, and the next that is written says how many were not', async (t) => {
  let now = 0;
  const limit = createLineLimit(2, () => now);
  const seen = (at: number) => {
    now = at;
    const { isOpen, suppressed } = limit();
    return isOpen ? suppressed : null;
  };
  t.same([0, 10, 20, 999, 1000, 1001, 1002, 5000].map(seen), [0, 0, null, null, 2, 0, null, 1]);
});
