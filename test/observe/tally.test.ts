import t from 'tap';
import { createTally } from '../../src/observe/tally.ts';

t.test('counts reach the counter when somebody looks, each once', async (t) => {
  const seen: unknown[] = [];
  const tally = createTally({ inc: (labels, count) => void seen.push([labels, count]) }, ['route', 'status']);
  tally.add('/infer', '200');
  tally.add('/infer', '503');
  tally.add('/infer', '200');
  t.same(seen, []);
  tally.flush();
  tally.flush();
  tally.add('/infer', '503');
  tally.flush();
  t.same(seen, [
    [{ route: '/infer', status: '200' }, 2],
    [{ route: '/infer', status: '503' }, 1],
    [{ route: '/infer', status: '503' }, 1],
  ]);
});
