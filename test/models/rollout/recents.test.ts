import t from 'tap';
import { createRecents } from '../../../src/models/rollout/recents.ts';

t.test('it keeps copies of the latest windows, some time apart, and never more than its size', async (t) => {
  let now = 0;
  const recents = createRecents(() => now, 3, 100);
  t.same(recents.windows(), []);
  const input = Float32Array.of(0);
  for (let i = 0; i < 50; i++) {
    input[0] = i;
    if (recents.isDue()) recents.offer(input);
    now += 50;
  }
  const kept = [...recents.windows()].map((window) => window[0]).sort((a, b) => a! - b!);
  t.same(kept, [44, 46, 48], 'every other one, the last three');
});
