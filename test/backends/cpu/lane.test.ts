import { EventEmitter } from 'node:events';
import type { Worker } from 'node:worker_threads';
import t from 'tap';
import { leave } from '../../../src/backends/cpu/crossing.ts';
import { createLane } from '../../../src/backends/cpu/lane.ts';
import { slotMarks, slotViews, type WorkerInit } from '../../../src/backends/cpu/protocol.ts';
import type { Log } from '../../../src/core/log.ts';

const nothing = () => {};
const log: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const input = { name: 'x', shape: [1, 2] };
const outputs = [{ name: 'y', shape: [1, 1] }];

/** A lane whose thread is the test: it finishes slots, says so, or only marks them. */
async function world() {
  const told: (number | 'close')[] = [];
  const threads: { init: WorkerInit; worker: EventEmitter }[] = [];
  let changes = 0;
  const startWorker = (init: WorkerInit) => {
    const worker = Object.assign(new EventEmitter(), {
      threadId: 1,
      postMessage: (message: number | 'close') => void told.push(message),
    });
    leave(init.flags); // it is never inside of any runtime
    threads.push({ init, worker });
    return worker as unknown as Worker;
  };
  const onnx = new SharedArrayBuffer(0);
  const onChange = () => {
    changes += 1;
  };
  const lane = createLane({ onnx, input, outputs, startWorker, log, onChange, restartDelayMs: () => 0 });
  const last = () => threads.at(-1)!;
  const up = () => last().worker.emit('message', { ready: { inputs: [], outputs: [] } });
  up();
  await lane.ready;
  const finish = (slot: number, value: number, tookMs = 1) => {
    const { init } = last();
    slotViews(init)[slot]!.outputs[0]![0] = value;
    const marks = slotMarks(init.slots);
    marks.tookMs[slot] = tookMs;
    Atomics.store(marks.isDone, slot, 1);
  };
  const say = (slot: number) => last().worker.emit('message', slot);
  return { lane, told, threads, up, finish, say, last, changes: () => changes };
}

const answerOf = async (answer: Promise<{ outputs: Readonly<Record<string, Float32Array>> }>) =>
  (await answer).outputs.y![0];
const window = Float32Array.of(1, 2);

t.test('an answer is taken before its message comes, with the time that it took', async (t) => {
  const { lane, finish, changes } = await world();
  const answer = lane.run(window);
  const before = changes();
  lane.poll();
  t.equal(lane.freeSlots(), 1, 'nothing is done yet');
  finish(0, 42, 7);
  lane.poll();
  t.equal(lane.freeSlots(), 2);
  t.match(await answer, { outputs: { y: Float32Array.of(42) }, computeMs: 7 });
  t.equal(changes(), before + 1);
});

t.test('a message that comes late is not the answer of the window that has the slot now', async (t) => {
  const { lane, finish, say } = await world();
  const first = lane.run(window);
  finish(0, 1);
  lane.poll();
  t.equal(await answerOf(first), 1);
  const second = lane.run(window);
  say(0); // of the first
  t.equal(lane.freeSlots(), 1, 'the second is still computed');
  finish(0, 2);
  say(0);
  t.equal(await answerOf(second), 2);
});

t.test(
  'what a thread had finished when it ended is answered, the rest is lost, and nothing is left for its successor',
  async (t) => {
    const { lane, finish, last, threads, up } = await world();
    const done = lane.run(window);
    const lost = lane.run(window);
    finish(0, 5);
    last().worker.emit('exit', 1);
    t.equal(await answerOf(done), 5);
    await t.rejects(lost, { code: 'BACKEND_UNAVAILABLE' });
    while (threads.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    up();
    const next = lane.run(window);
    lane.poll();
    t.equal(lane.freeSlots(), 1, 'the mark of the old thread answers nobody');
    finish(0, 6);
    lane.poll();
    t.equal(await answerOf(next), 6);
  },
);
