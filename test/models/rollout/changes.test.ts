import t from 'tap';
import { createChanges } from '../../../src/models/rollout/changes.ts';

t.test('a command is refused while another change is under way, and named', async (t) => {
  const changes = createChanges();
  const first = Promise.withResolvers<string>();
  const running = changes.now('activate a@1', () => first.promise);
  await t.rejects(
    changes.now('roll back', async () => 'never'),
    { code: 'CONFLICT', message: /under way \(activate a@1\).*roll back again/ },
  );
  first.resolve('done');
  t.equal(await running, 'done');
  t.equal(await changes.now('roll back', async () => 'back'), 'back');
});

t.test('what must happen waits for its turn, also after one that failed', async (t) => {
  const changes = createChanges();
  const order: string[] = [];
  const failing = changes.now('activate', async () => {
    order.push('activate');
    throw new Error('no');
  });
  const revert = changes.next('revert', async () => void order.push('revert'));
  await t.rejects(failing, /no/);
  await revert;
  t.same(order, ['activate', 'revert']);
});
