import t from 'tap';
import type { Inference, LoadedModel } from '../../src/core/backend.ts';
import { createGate } from '../../src/models/gate.ts';

/** A model whose runs end when the test says so. */
function world({ capacity = 2, lanes = 1, maxQueueSize = 4, firstMs = 1 } = {}) {
  const started: { input: Float32Array; end(): void; fail(error: Error): void }[] = [];
  const clock = { now: 0 };
  const model: LoadedModel = {
    id: 'm@1',
    capacity,
    lanes,
    run: (input) =>
      new Promise<Inference>((resolve, reject) => {
        const end = () => resolve({ outputs: { y: input }, backend: 'cpu', degraded: null });
        started.push({ input, end, fail: reject });
      }),
    close: async () => {},
  };
  const gate = createGate({ model, clock: () => clock.now, maxQueueSize: () => maxQueueSize, firstMs });
  return { gate, started, clock };
}

const ticket = (deadlineAt = 1e6, isGone = () => false) => ({ deadlineAt, isGone });
const input = (value: number) => Float32Array.of(value);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'answered',
    (error: { code: string }) => error.code,
  );
const turn = () => new Promise((resolve) => setImmediate(resolve));

t.test('as many windows run as keep the backend busy, the others wait and start in order', async (t) => {
  const { gate, started } = world();
  const answers = [1, 2, 3, 4].map((value) => gate.run(input(value), ticket()));
  t.match(gate.stats(), { inFlight: 2, waiting: 2 });
  for (let i = 0; i < 4; i++) {
    started[i]?.end();
    await turn();
  }
  t.same(
    (await Promise.all(answers)).map((answer) => answer.outputs.y?.[0]),
    [1, 2, 3, 4],
  );
  t.match(gate.stats(), { inFlight: 0, waiting: 0, served: 4 });
});

t.test('waiting and running are timed apart', async (t) => {
  const { gate, started, clock } = world({ capacity: 1 });
  const first = gate.run(input(1), ticket());
  const second = gate.run(input(2), ticket());
  clock.now = 5;
  started[0]?.end();
  await turn();
  clock.now = 8;
  started[1]?.end();
  t.match(await first, { queueMs: 0, inferMs: 5 });
  t.match(await second, { queueMs: 5, inferMs: 3 });
});

t.test('its pace is that of the golden windows first, and what windows take from then on', async (t) => {
  const { gate, started, clock } = world({ capacity: 3, lanes: 2, firstMs: 4 });
  t.same(gate.pace(), { windowsPerSecond: 500, capacity: 3 });
  for (let i = 0; i < 200; i++) {
    const answer = gate.run(input(i), ticket());
    clock.now += 10;
    started[i]?.end();
    await answer;
  }
  t.equal(Math.round(gate.pace().windowsPerSecond), 200);
});

t.test('a full queue refuses at once and says when to come back', async (t) => {
  const { gate } = world({ capacity: 1, maxQueueSize: 1 });
  void gate.run(input(1), ticket());
  void gate.run(input(2), ticket());
  await t.rejects(gate.run(input(3), ticket()), { code: 'QUEUE_FULL', retryAfterMs: Number });
  t.match(gate.stats(), { refused: 1, waiting: 1 });
});

t.test('what cannot be answered by its deadline is refused before it costs anything', async (t) => {
  const { gate, started, clock } = world({ capacity: 1 });
  for (let i = 0; i < 40; i++) {
    const answer = gate.run(input(i), ticket());
    clock.now += 10; // the backend takes 10 ms
    started[i]?.end();
    await answer;
  }
  t.ok(Math.abs(gate.stats().serviceMs - 10) < 0.1);
  void gate.run(input(1), ticket(clock.now + 50));
  void gate.run(input(2), ticket(clock.now + 50));
  const late = gate.run(input(3), ticket(clock.now + 25)); // two ahead, 30 ms needed
  t.equal(await codeOf(late), 'DEADLINE_EXCEEDED');
  t.equal(started.length, 41);
});

t.test('a slow outlier refuses nothing for ever: an idle backend is always tried', async (t) => {
  const { gate, started, clock } = world({ capacity: 1 });
  const slow = gate.run(input(1), ticket());
  clock.now = 100_000;
  started[0]?.end();
  await slow;
  const next = gate.run(input(2), ticket(clock.now + 40));
  started[1]?.end();
  t.equal(await codeOf(next), 'answered');
});

t.test(
  'a window that was held up once has nobody else refused; windows that all take longer are believed soon',
  async (t) => {
    const { gate, started, clock } = world({ capacity: 1 });
    const run = async (ms: number) => {
      const answer = gate.run(input(0), ticket());
      clock.now += ms;
      started.at(-1)?.end();
      await answer;
    };
    for (let i = 0; i < 30; i++) await run(1);
    await run(60);
    t.ok(gate.stats().serviceMs < 2, `${gate.stats().serviceMs}`);
    for (let i = 0; i < 25; i++) await run(20);
    t.ok(gate.stats().serviceMs > 15, `${gate.stats().serviceMs}`);
  },
);

t.test('a window whose client has gone is dropped before it runs', async (t) => {
  const { gate, started } = world({ capacity: 1 });
  let isGone = false;
  const first = gate.run(input(1), ticket());
  const second = codeOf(
    gate.run(
      input(2),
      ticket(1e6, () => isGone),
    ),
  );
  const third = gate.run(input(3), ticket());
  isGone = true;
  started[0]?.end();
  await first;
  await turn();
  started[1]?.end();
  t.equal(await second, 'CLIENT_GONE');
  t.equal((await third).outputs.y?.[0], 3);
});

t.test('nobody waits past his deadline, also when the backend is wedged; a late answer reaches nobody', async (t) => {
  const { gate, started, clock } = world({ capacity: 1 });
  const running = gate.run(input(1), ticket(5));
  const waiting = gate.run(input(2), ticket(5));
  clock.now = 6;
  const keepAlive = setTimeout(() => {}, 10_000); // a gate's timer keeps no process alive
  t.same(await Promise.all([codeOf(running), codeOf(waiting)]), ['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED']);
  clearTimeout(keepAlive);
  t.match(gate.stats(), { inFlight: 1, waiting: 0, dropped: 2 });
  const next = gate.run(input(3), ticket(1e6));
  started[0]?.end(); // the late answer of the first window
  await turn();
  started[1]?.end();
  t.equal((await next).outputs.y?.[0], 3);
});

t.test('an answer after the deadline is no answer, also when the timer has had no turn', async (t) => {
  const { gate, started, clock } = world({ capacity: 1 });
  const late = codeOf(gate.run(input(1), ticket(5)));
  clock.now = 6; // the event loop was held up, and the answer is the first thing it sees
  started[0]?.end();
  t.equal(await late, 'DEADLINE_EXCEEDED');
  t.match(gate.stats(), { served: 0, dropped: 1 });
});

t.test('a short deadline behind a long one is kept, too', async (t) => {
  const { gate, clock } = world({ capacity: 1 });
  const long = codeOf(gate.run(input(1), ticket(Number.POSITIVE_INFINITY)));
  const short = codeOf(gate.run(input(2), ticket(5)));
  clock.now = 6;
  const keepAlive = setTimeout(() => {}, 10_000);
  t.equal(await Promise.race([long, short]), 'DEADLINE_EXCEEDED');
  clearTimeout(keepAlive);
});

t.test('a failure of the backend reaches the caller whose window it was, and the next is served', async (t) => {
  const { gate, started } = world({ capacity: 1 });
  const first = gate.run(input(1), ticket());
  const second = gate.run(input(2), ticket());
  started[0]?.fail(new Error('boom'));
  await t.rejects(first, { message: 'boom' });
  await turn();
  started[1]?.end();
  t.equal((await second).outputs.y?.[0], 2);
});

t.test('the oldest waiting window has an age', async (t) => {
  const { gate, clock } = world({ capacity: 1 });
  t.equal(gate.stats().oldestMs, null);
  void gate.run(input(1), ticket(100));
  void codeOf(gate.run(input(2), ticket(100)));
  clock.now = 7;
  t.equal(gate.stats().oldestMs, 7);
});

t.test('single windows go before those of batches, also later ones', async (t) => {
  const { gate, started } = world({ capacity: 1, maxQueueSize: 10 });
  const batch = {};
  const run = (value: number, more = {}) => void gate.run(input(value), { ...ticket(), ...more }).catch(() => {});
  run(1, { batch });
  run(2, { batch });
  run(3, { batch });
  run(4);
  t.match(gate.stats(), { waiting: 3, waitingInBatches: 2 });
  for (let i = 0; i < 4; i++) {
    started[i]?.end();
    await turn();
  }
  t.same(
    started.map((one) => one.input[0]),
    [1, 4, 2, 3],
  );
});

t.test('a batch that fills its queue leaves that of single windows empty', async (t) => {
  const { gate } = world({ capacity: 1, maxQueueSize: 2 });
  const more = { ...ticket(), batch: {} };
  const codes = [1, 2, 3, 4].map((value) => codeOf(gate.run(input(value), more)));
  t.equal(await codes[3], 'QUEUE_FULL');
  t.equal(gate.refusal(ticket()), null);
  t.match(gate.refusal(more), { code: 'QUEUE_FULL' });
});

t.test('what would be turned away is known before its window, and counted', async (t) => {
  const { gate, clock } = world({ capacity: 1, maxQueueSize: 1 });
  void gate.run(input(1), ticket());
  void gate.run(input(2), ticket());
  t.match(gate.refusal(ticket()), { code: 'QUEUE_FULL' });
  clock.now = 10;
  t.match(gate.refusal(ticket(9)), { code: 'QUEUE_FULL' });
  t.equal(gate.stats().refused, 2);
});

t.test('a window whose time has passed costs nothing, also when nothing is ahead', async (t) => {
  const { gate, started, clock } = world();
  clock.now = 10;
  t.equal(await codeOf(gate.run(input(1), ticket(10))), 'DEADLINE_EXCEEDED');
  t.same(started, []);
});

t.test('whoever waits goes before whoever comes, also when the backend takes more at a time', async (t) => {
  const started: number[] = [];
  let capacity = 1;
  const model: LoadedModel = {
    id: 'm@1',
    get capacity() {
      return capacity;
    },
    lanes: 1,
    run: (window) => {
      started.push(window[0]!);
      return new Promise(() => {});
    },
    close: async () => {},
  };
  const gate = createGate({ model, clock: () => 0, maxQueueSize: () => 8 });
  for (const value of [1, 2, 3]) void gate.run(input(value), ticket());
  capacity = 3;
  void gate.run(input(4), { ...ticket(), batch: {} });
  t.same(started, [1, 2, 3]);
});

t.test('a window that the backend failed on was not dropped by the queue', async (t) => {
  const { gate, started } = world();
  const code = codeOf(gate.run(input(1), ticket()));
  started[0]?.fail(Object.assign(new Error('no'), { code: 'BACKEND_FAILED' }));
  t.equal(await code, 'BACKEND_FAILED');
  t.match(gate.stats(), { dropped: 0, served: 0 });
});

t.test('answers that are there are taken before anybody is turned away', async (t) => {
  const waiting: (() => void)[] = [];
  let polls = 0;
  const model: LoadedModel = {
    id: 'm@1',
    capacity: 1,
    lanes: 1,
    run: (window) =>
      new Promise((resolve) =>
        waiting.push(() => resolve({ outputs: { y: window }, backend: 'cpu', degraded: null, computeMs: 2 })),
      ),
    poll: () => {
      polls += 1;
      waiting.shift()?.();
    },
    close: async () => {},
  };
  const gate = createGate({ model, clock: () => 0, maxQueueSize: () => 1 });
  const answers = [gate.run(input(1), ticket()), gate.run(input(2), ticket())];
  await turn();
  t.equal(gate.refusal(ticket()), null, 'the first has left, the second computes, nobody waits');
  await Promise.all(answers);
  t.ok(polls >= 3);
  t.match(gate.stats(), { served: 2, refused: 0 });
});

t.test('many batches of one client leave room for the batch of another', async (t) => {
  const { gate, started } = world({ capacity: 1, maxQueueSize: 6 });
  const send = (batch: object, count: number) =>
    Array.from({ length: count }, (_, i) => codeOf(gate.run(input(i), { ...ticket(), batch })));
  const greedy = [send({}, 6), send({}, 6)].flat();
  const small = send({}, 2);
  for (let i = 0; i < 7; i++) {
    started[i]?.end();
    await turn();
  }
  t.same(await Promise.all(small), ['answered', 'answered']);
  const codes = await Promise.all(greedy);
  t.same(
    [codes.filter((code) => code === 'answered').length, codes.filter((code) => code === 'QUEUE_FULL').length],
    [5, 7],
  );
  t.match(gate.stats(), { waiting: 0, inFlight: 0, served: 7 });
});
