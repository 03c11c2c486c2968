import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../core/errors.ts';
import { enter, leave } from './crossing.ts';
import { openSession, type Session } from './ort.ts';
import { type FromWorker, slotMarks, slotViews, type ToWorker, type WorkerInit } from './protocol.ts';

/** A lane's thread: computes the slots it is told to, in the order it is told, until it is closed. */
if (parentPort !== null) void serve(parentPort, workerData as WorkerInit);

async function serve(port: NonNullable<typeof parentPort>, init: WorkerInit): Promise<void> {
  const say = (message: FromWorker) => port.postMessage(message);
  const { flags } = init;
  let session: Session;
  try {
    const onnx = new Uint8Array(init.onnx).slice(); // the runtime takes no shared memory
    session = await openSession(onnx, init.input, init.outputs);
    // the first window takes ten times as long as the next: it must be nobody's, also after a restart
    if (init.outputs.length > 0) await session.run(slotViews(init)[0]!).catch(() => {}); // a graph of other shapes is told by its facts
  } catch (thrown) {
    say({ failed: messageOf(thrown) });
    port.close();
    return;
  } finally {
    leave(flags);
  }
  const slots = slotViews(init);
  const marks = slotMarks(init.slots);
  const queue: number[] = [];
  let isBusy = false;

  async function work(): Promise<void> {
    isBusy = true;
    for (let slot = queue.shift(); slot !== undefined; slot = queue.shift()) say(await compute(slot));
    isBusy = false;
  }

  async function compute(slot: number): Promise<FromWorker> {
    if (!enter(flags)) return { slot, error: 'its thread is being ended' };
    try {
      const startAt = performance.now();
      await session.run(slots[slot]!);
      marks.tookMs[slot] = performance.now() - startAt;
      Atomics.store(marks.isDone, slot, 1);
      return slot;
    } catch (thrown) {
      return { slot, error: messageOf(thrown) };
    } finally {
      leave(flags);
    }
  }

  /** The thread ends when its port does. */
  async function close(): Promise<void> {
    if (enter(flags)) await session.close().finally(() => leave(flags));
    port.close();
  }

  port.on('message', (message: ToWorker) => {
    if (message === 'close') return void close();
    queue.push(message);
    if (!isBusy) void work();
  });
  say({ ready: session.facts });
}
