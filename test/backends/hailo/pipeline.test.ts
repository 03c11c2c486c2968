import t from 'tap';
import { createPipeline } from '../../../src/backends/hailo/pipeline.ts';

/** A device in memory: what is written comes back in order, when the test lets it. */
function createDevice() {
  const frames: Buffer[] = [];
  const readers: { resolve: (frames: Buffer[]) => void; reject: (error: Error) => void }[] = [];
  const world = { now: 0, depth: 0, deepest: 0, writes: 0 };
  const answers: [ticket: number, text: string][] = [];
  const losses: unknown[] = [];
  const session = {
    write: (frame: Buffer) => {
      world.writes += 1;
      frames.push(frame);
    },
    read: () => new Promise<Buffer[]>((resolve, reject) => readers.push({ resolve, reject })),
  };
  const pipeline = createPipeline(
    session as Parameters<typeof createPipeline>[0],
    {
      answer: (told) => {
        for (const { ticket, payload } of told) answers.push([ticket, payload.toString()]);
      },
      lost: (thrown) => void losses.push(thrown),
    },
    { clock: () => world.now },
  );
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const answer = async () => {
    readers.shift()?.resolve([frames.shift()!, Buffer.from('!')]);
    await turn();
  };
  return { pipeline, world, frames, readers, answers, losses, answer, turn };
}

t.test('answers go to the tickets of their windows, all outputs in one piece', async (t) => {
  const { pipeline, answers, answer, turn } = createDevice();
  for (let ticket = 1; ticket <= 3; ticket++) pipeline.push(ticket, Buffer.from(`window ${ticket}`));
  await turn();
  for (let i = 0; i < 3; i++) await answer();
  t.same(answers, [
    [1, 'window 1!'],
    [2, 'window 2!'],
    [3, 'window 3!'],
  ]);
});

t.test('the device has the next windows before it has answered the first', async (t) => {
  const { pipeline, world, turn } = createDevice();
  for (let ticket = 1; ticket <= 3; ticket++) pipeline.push(ticket, Buffer.from('x'));
  await turn();
  t.equal(world.writes, 3);
});

t.test('it has so many and no more: a full queue would hold up the writer', async (t) => {
  const { pipeline, world, answer, turn } = createDevice();
  for (let ticket = 1; ticket <= 20; ticket++) pipeline.push(ticket, Buffer.from('x'));
  await turn();
  t.equal(world.writes, 4);
  await answer();
  t.equal(world.writes, 5);
});

t.test('a write that fails ends the session as a read does', async (t) => {
  const losses: unknown[] = [];
  const write = () => {
    throw new Error('timeout');
  };
  const session = { write, read: () => new Promise<Buffer[]>(() => {}) };
  const pipeline = createPipeline(session, {
    answer: () => t.fail('answered'),
    lost: (thrown) => void losses.push(thrown),
  });
  pipeline.push(1, Buffer.from('x'));
  pipeline.push(2, Buffer.from('x'));
  t.match(losses, [{ message: 'timeout' }]);
});

t.test('after a fault nothing is answered any more, and it is told once', async (t) => {
  const { pipeline, readers, answers, losses, turn } = createDevice();
  pipeline.push(1, Buffer.from('a'));
  pipeline.push(2, Buffer.from('b'));
  await turn();
  readers.shift()?.reject(new Error('aborted'));
  await turn();
  pipeline.push(3, Buffer.from('c'));
  await turn();
  t.match(losses, [{ message: 'aborted' }]);
  t.same(answers, []);
});

t.test('nothing is told before the device is empty: a missing answer would have shifted the others', async (t) => {
  const { pipeline, answers, losses, readers, answer, turn } = createDevice();
  for (let ticket = 1; ticket <= 3; ticket++) pipeline.push(ticket, Buffer.from(`window ${ticket}`));
  await turn();
  await answer();
  await answer();
  t.same(answers, [], 'two of three: they may be those of 2 and 3');
  readers.shift()?.reject(new Error('timeout'));
  await turn();
  t.same(answers, []);
  t.match(losses, [{ message: 'timeout' }]);
});

t.test('under load without a pause the device is let run empty, and all are told', async (t) => {
  const { pipeline, world, answers, answer, turn } = createDevice();
  for (let ticket = 1; ticket <= 20; ticket++) pipeline.push(ticket, Buffer.from('x'));
  await turn();
  for (let i = 0; i < 5; i++) await answer();
  t.same([world.writes, answers.length], [6, 0]);
  await answer();
  t.same([world.writes, answers.length], [10, 6]);
  t.same(pipeline.work().windows, 6);
});
