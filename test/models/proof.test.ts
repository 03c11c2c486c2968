import t from 'tap';
import { createProof, type ProofParts } from '../../src/models/proof.ts';

interface World {
  now: number;
  runs: number;
  golden: () => Promise<unknown>;
  said: string[];
  changes: (string | null)[];
}

function create(change: Partial<ProofParts> = {}) {
  const world: World = { now: 0, runs: 0, golden: async () => {}, said: [], changes: [] };
  const say = (_fields: object, message: string) => void world.said.push(message);
  const proof = createProof({
    runGolden: () => {
      world.runs += 1;
      return world.golden();
    },
    intervalMs: 1e6,
    retryMs: 1e6,
    clock: () => world.now,
    log: { debug: say, info: say, warn: say, error: say },
    onChange: (failure) => void world.changes.push(failure),
    ...change,
  });
  return { world, proof };
}

t.test('a recent answer is proof enough: no window is run for it', async (t) => {
  const { world, proof } = create();
  t.teardown(proof.close);
  world.now = 500;
  t.equal(await proof.isFresh(1000, 50), true);
  world.now = 1400;
  proof.answered();
  world.now = 2000;
  t.equal(await proof.isFresh(1000, 50), true);
  t.equal(world.runs, 0);
});

t.test('an idle backend is asked, once for all who ask', async (t) => {
  const { world, proof } = create();
  t.teardown(proof.close);
  world.now = 5000;
  t.same(await Promise.all([proof.isFresh(1000, 1000), proof.isFresh(1000, 1000)]), [true, true]);
  t.equal(world.runs, 1);
});

t.test('a backend that does not come back is not fresh', async (t) => {
  const { world, proof } = create();
  t.teardown(proof.close);
  world.golden = () => new Promise(() => {});
  world.now = 5000;
  t.equal(await proof.isFresh(1000, 10), false);
});

t.test('failed golden windows take the model out of service, passing ones bring it back, each said once', async (t) => {
  const { world, proof } = create();
  t.teardown(proof.close);
  world.golden = () => Promise.reject(new Error('cosine 0.5 < 0.999'));
  t.same([await proof.check(), await proof.check()], [false, false]);
  const failure = 'Model out of service, its golden windows failed: cosine 0.5 < 0.999';
  t.equal(proof.failure(), failure);
  world.golden = async () => {};
  t.equal(await proof.check(), true);
  t.equal(proof.failure(), null);
  t.same(world.changes, [failure, null]);
  t.same(world.said, [failure, 'golden windows pass again: the model is back in service']);
});

t.test(
  'a wedged backend takes the model out of service, and is asked no second time while the first is unanswered',
  async (t) => {
    const { world, proof } = create({ timeoutMs: 5 });
    t.teardown(proof.close);
    const answer = Promise.withResolvers<void>();
    world.golden = () => answer.promise;
    t.equal(await proof.check(), false);
    t.match(proof.failure(), /no answer within 5 ms/);
    t.equal(await proof.isFresh(1000, 1000), false);
    t.equal(world.runs, 1);
    answer.resolve();
    t.equal(await proof.check(), true);
    t.equal(proof.failure(), null);
  },
);

t.test('an interval longer than a timer can wait is a long one, not none', async (t) => {
  const { world, proof } = create({ intervalMs: 2 ** 40 });
  t.teardown(proof.close);
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.equal(world.runs, 0);
});

t.test('a wrong answer still shows that the supervisor lives: the watchdog is for the wedged', async (t) => {
  const { world, proof } = create();
  t.teardown(proof.close);
  world.golden = () => Promise.reject(new Error('wrong'));
  world.now = 5000;
  t.equal(await proof.isFresh(1000, 1000), true);
  t.match(proof.failure(), /wrong/);
});

t.test('the interval runs by itself, and a failure is retried sooner', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { world, proof } = create({
    intervalMs: 5,
    retryMs: 1,
    onChange: (failure) => {
      if (failure === null) resolve();
      else world.golden = async () => {};
    },
  });
  const keepAlive = setTimeout(() => {}, 5000); // the timers of a proof keep no process alive
  world.golden = () => Promise.reject(new Error('wrong'));
  await promise;
  proof.close();
  clearTimeout(keepAlive);
  t.ok(world.runs >= 2);
});
