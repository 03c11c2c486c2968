import t from 'tap';
import { createUndo } from '../src/undo.ts';

t.test('what was opened last is closed first, each once', async (t) => {
  const closed: string[] = [];
  const undo = createUndo();
  undo.add('a', () => closed.push('a'));
  undo.add('b', async () => closed.push('b'));
  await undo.run();
  await undo.run();
  t.same(closed, ['b', 'a']);
});

t.test('a step that fails is named and does not keep the others from running', async (t) => {
  const closed: string[] = [];
  const undo = createUndo();
  undo.add('first', () => closed.push('first'));
  undo.add('broken', () => {
    throw new Error('boom');
  });
  await t.rejects(undo.run(), { code: 'STOP_FAILED', message: 'These did not close: broken: boom.' });
  t.same(closed, ['first']);
});

t.test('a step that never ends is given up', async (t) => {
  const undo = createUndo(10);
  undo.add('wedged', () => new Promise(() => {}));
  await t.rejects(undo.run(), { code: 'STOP_FAILED', message: /wedged: not closed after 10 ms/ });
});
