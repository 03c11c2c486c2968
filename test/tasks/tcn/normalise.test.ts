import t from 'tap';
import { normalise, toZScore } from '../../../src/tasks/tcn/normalise.ts';

const scale = toZScore({ mean: [0.1, 9.78], std: [3, 0.7] });
const f = Math.fround;

t.test('float32 at each step, per channel', async (t) => {
  const raw = Float32Array.of(0.3, 9.81, -4.7, 1e8);
  t.same(
    [...normalise(raw, scale)],
    [
      f(f(f(0.3) - f(0.1)) / 3),
      f(f(f(9.81) - f(9.78)) / f(0.7)),
      f(f(f(-4.7) - f(0.1)) / 3),
      f(f(1e8 - f(9.78)) / f(0.7)),
    ],
  );
  t.same([...raw], [f(0.3), f(9.81), f(-4.7), 1e8], 'the raw window is left as it was');
});

t.test('in place where asked', async (t) => {
  const raw = Float32Array.of(3.1, 9.78);
  t.equal(normalise(raw, scale, raw), raw);
  t.same([...raw], [f(f(f(3.1) - f(0.1)) / 3), 0]);
});
