import t from 'tap';
import { createEcho } from '../../../src/models/rollout/echo.ts';
import type { Listener, Resident } from '../../../src/models/rollout/resident.ts';

/** Two models of which each gives its window times a factor. */
function world() {
  let now = 0;
  const listeners = new Set<Listener>();
  const successor = { listeners, toInputOf: () => (input: Float32Array) => input.slice() } as unknown as Resident;
  const predecessor = {
    model: { model: { run: async (input: Float32Array) => ({ outputs: { latent: input.map((v) => 2 * v) } }) } },
    toVectors: (outputs: { latent: Float32Array }) => ({ latent: outputs.latent, scores: null }),
  } as unknown as Resident;
  const reference = [-1, 1, -1, 1].map((value) => Float32Array.of(value, -value));
  const references = { now: reference, before: reference.map((latent) => latent.map((v) => 2 * v)) };
  const echo = createEcho(successor, predecessor, references, () => now);
  const hear = async (input: number[], latent: number[]) => {
    now += 250;
    for (const listener of listeners) {
      listener(Float32Array.from(input), {} as never, { latent: Float32Array.from(latent), scores: null });
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { echo, hear, listeners };
}

t.test('what moves both models is told of both, what moves one of one', async (t) => {
  const { echo, hear } = world();
  for (let i = 0; i < 31; i++) await hear([10, 10], [10, 10]);
  t.equal(echo.drift(), null, 'too few to tell');
  for (let i = 0; i < 9; i++) await hear([10, 10], [10, 10]);
  const both = echo.drift()!;
  t.equal(both.windows, 40);
  t.ok(both.now > 6 && Math.abs(both.now - both.before) < 1e-6);

  const alone = world();
  for (let i = 0; i < 40; i++) await alone.hear([0, 0], [10, 10]);
  const { now, before } = alone.echo.drift()!;
  t.ok(now > 6 && before < 1e-6, `${now} ${before}`);
});

t.test('it takes a window now and then, and none after it was stopped', async (t) => {
  const { echo, hear, listeners } = world();
  t.equal(listeners.size, 1);
  for (let i = 0; i < 40; i++) await hear([0, 0], [0, 0]);
  for (const listener of listeners)
    listener(Float32Array.of(0, 0), {} as never, { latent: Float32Array.of(9, 9), scores: null });
  t.equal(echo.drift()!.windows, 40, 'not its turn yet');
  echo.stop();
  t.equal(listeners.size, 0);
});
