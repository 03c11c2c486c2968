import t from 'tap';
import { createPace } from '../../src/models/pace.ts';

t.test(
  'what a window takes is learnt from the windows, and one that was held up is not believed at once',
  async (t) => {
    const pace = createPace();
    for (let i = 0; i < 50; i++) pace.left(i * 100, 2, 1, false);
    t.ok(Math.abs(pace.serviceMs - 2) < 0.01);
    pace.left(6000, 500, 1, false);
    t.ok(pace.serviceMs < 4);
    for (let i = 0; i < 50; i++) pace.left(7000 + i, 20, 1, false);
    t.ok(pace.serviceMs > 19);
  },
);

t.test('while windows queue their interval counts, whatever else takes the time', async (t) => {
  const pace = createPace();
  for (let i = 0; i < 200; i++) pace.left(i * 3, 2, 1, true);
  t.ok(Math.abs(pace.intervalMs - 3) < 0.05, `${pace.intervalMs}`);
  t.ok(Math.abs(pace.serviceMs - 2) < 0.01);
});

t.test('answers that are seen in twos make the same interval', async (t) => {
  const pace = createPace();
  for (let i = 0; i < 400; i++) pace.left(Math.floor(i / 2) * 6, 2, 1, true);
  t.ok(pace.intervalMs > 2.2 && pace.intervalMs < 3.8, `${pace.intervalMs}`);
});

t.test('two lanes let two windows leave in the time of one', async (t) => {
  const pace = createPace();
  for (let i = 0; i < 200; i++) pace.left(i * 1.5, 2, 2, true);
  t.ok(Math.abs(pace.intervalMs - 3) < 0.05, `${pace.intervalMs}`);
});

t.test('a pause is no interval, and after it the pace is that of the windows again', async (t) => {
  const pace = createPace();
  for (let i = 0; i < 100; i++) pace.left(i * 10, 2, 1, true);
  pace.left(1000, 2, 1, false);
  for (let i = 0; i < 200; i++) pace.left(5000 + i * 1000, 2, 1, false);
  t.ok(Math.abs(pace.intervalMs - 2) < 0.05, `${pace.intervalMs}`);
});
