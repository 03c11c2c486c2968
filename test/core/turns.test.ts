import t from 'tap';
import { createTurns } from '../../src/core/turns.ts';

t.test('steps run one at a time, in order, also after one that failed; each caller gets his own result', async (t) => {
  const inTurn = createTurns();
  const told: string[] = [];
  const step = (name: string) => async () => {
    told.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    told.push(`${name} ends`);
    if (name === 'second') throw new Error(name);
    return name;
  };
  const results = await Promise.allSettled(['first', 'second', 'third'].map((name) => inTurn(step(name))));
  t.same(told, ['first begins', 'first ends', 'second begins', 'second ends', 'third begins', 'third ends']);
  t.match(results, [{ value: 'first' }, { reason: { message: 'second' } }, { value: 'third' }]);
});
