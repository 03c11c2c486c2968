import t from 'tap';
import { createConstancy } from '../../../src/models/rollout/constancy.ts';

const input = (value: number) => new Float32Array(900).fill(value);

/** Verdict after that many windows of which the i-th has this latent and this input. */
function verdict(windows: number, latent: (i: number) => number[], value: (i: number) => number) {
  const constancy = createConstancy();
  for (let i = 0; i < windows; i++) constancy.add(Float32Array.from(latent(i)), input(value(i)));
  return constancy.isConstant();
}

t.test(
  '32 windows with 8 inputs that differ and one latent: constant; one window or one input less: not known',
  async (t) => {
    const same = () => [0.5, -3, 0];
    t.equal(
      verdict(32, same, (i) => i % 8),
      true,
    );
    t.equal(
      verdict(31, same, (i) => i % 8),
      null,
    );
    t.equal(
      verdict(500, same, (i) => i % 7),
      null,
    );
  },
);

t.test('a latent of zeros is constant too', async (t) => {
  t.equal(
    verdict(32, () => [0, 0], Number),
    true,
  );
});

t.test('one dimension of 64 that moves is enough to be well', async (t) => {
  const latent = (i: number) => Array.from({ length: 64 }, (_, d) => (d === 41 ? 1 + i * 1e-5 : 0.25));
  t.equal(verdict(2, latent, Number), false);
  t.equal(verdict(320, latent, Number), false);
});

t.test('rounding is no movement', async (t) => {
  const latent = (i: number) => [1 + (i % 2) * 2.4e-7, 300 + (i % 2) * 6e-5];
  t.equal(verdict(64, latent, Number), true);
});

t.test('a sensor at rest, whose windows differ by a trace of noise, condemns nobody', async (t) => {
  t.equal(
    verdict(
      1000,
      () => [1, 2],
      (i) => Math.sin(i) * 0.005,
    ),
    null,
  );
});

t.test('inputs with the same mean differ all the same when they move otherwise', async (t) => {
  const constancy = createConstancy();
  for (let i = 0; i < 32; i++) {
    const swung = new Float32Array(900).map((_, j) => (j % 7 === 0 ? 0.5 * i : (-0.5 * i * 129) / 771));
    constancy.add(Float32Array.of(1, 2), swung);
  }
  t.equal(constancy.isConstant(), true);
});

t.test('a model that gets stuck later is seen, and one that recovers is well again', async (t) => {
  const constancy = createConstancy();
  const verdicts: (boolean | null)[] = [];
  const feed = (count: number, latent: (i: number) => number) => {
    for (let i = 0; i < count; i++) constancy.add(Float32Array.of(latent(i)), input(i));
    verdicts.push(constancy.isConstant());
  };
  feed(1000, Number);
  feed(64, () => 7);
  feed(64, Number);
  t.same(verdicts, [false, true, false]);
});

t.test('inputs of an earlier block do not count for the next', async (t) => {
  const constancy = createConstancy();
  for (let i = 0; i < 640; i++) constancy.add(Float32Array.of(i), input(i));
  for (let i = 0; i < 64; i++) constancy.add(Float32Array.of(7), input(7));
  t.equal(constancy.isConstant(), false);
});
