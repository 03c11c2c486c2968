import t from 'tap';
import { sizeOf } from '../../src/core/tensor.ts';

t.test('the size of a tensor is the product of its sides', async (t) => {
  t.same(
    [[1, 100, 9], [64], []].map((shape) => sizeOf({ name: 'x', shape })),
    [900, 64, 1],
  );
});
