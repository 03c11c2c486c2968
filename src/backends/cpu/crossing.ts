import type { Worker } from 'node:worker_threads';
import type { Log } from '../../core/log.ts';
import type { ToWorker } from './protocol.ts';

/**
 * onnxruntime-node aborts the whole process (SIGABRT, "Napi::Error") when its thread is ended while it is inside the
 * runtime: by terminate(), by process.exit(), by an uncaught error of the main thread. So a lane's thread says in
 * shared memory when it is inside, and whoever ends it first forbids it to enter again and waits until it is outside.
 */
const INSIDE = 0;
const FORBIDDEN = 1;

/** How long an exit of the process waits for the lanes; a window takes about a millisecond, loading a model some ten. */
const EXIT_WAIT_MS = 1000;

/** The flags of a lane: they begin inside, because a thread loads the runtime before it can say anything. */
export function createFlags(): Int32Array<SharedArrayBuffer> {
  const flags = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  flags[INSIDE] = 1;
  return flags;
}

/** Before each call of the runtime, on the lane's thread; false when the thread is about to be ended: then do not call. */
export function enter(flags: Int32Array): boolean {
  Atomics.store(flags, INSIDE, 1);
  if (Atomics.load(flags, FORBIDDEN) === 0) return true;
  leave(flags);
  return false;
}

/** After each call of the runtime, and once the thread has ended. */
export function leave(flags: Int32Array): void {
  Atomics.store(flags, INSIDE, 0);
  Atomics.notify(flags, INSIDE);
}

/**
 * Asks a lane's thread to end and waits until it has. One that does not within the time is ended by force, but not while
 * it is inside: then it is left behind, the log says so, and it holds up neither this call nor the event loop.
 */
export async function endThread(
  thread: Worker,
  flags: Int32Array,
  { timeoutMs, log }: { timeoutMs: number; log: Log },
): Promise<void> {
  if (thread.threadId === -1) return; // it has ended already
  const { promise: ended, resolve } = Promise.withResolvers<unknown>();
  thread.once('exit', resolve);
  thread.postMessage('close' satisfies ToWorker);
  const overdue = setTimeout(() => {
    Atomics.store(flags, FORBIDDEN, 1);
    if (Atomics.load(flags, INSIDE) === 0) return void thread.terminate();
    log.error({}, `a CPU inference thread is still inside the runtime after ${timeoutMs} ms and is left behind`);
    thread.unref();
    resolve(undefined);
  }, timeoutMs);
  await ended;
  clearTimeout(overdue);
}

const guarded = new Set<Int32Array>();

/** From now on an exit of this process waits until the lane is outside of the runtime. */
export function guardExit(flags: Int32Array): void {
  if (guarded.size === 0) process.on('exit', leaveAll);
  guarded.add(flags);
}

/** The lane's thread has ended. */
export function unguardExit(flags: Int32Array): void {
  guarded.delete(flags);
  if (guarded.size === 0) process.off('exit', leaveAll);
}

/**
 * Blocks, because nothing asynchronous happens in an exit any more; never longer than EXIT_WAIT_MS in all. A thread that
 * is still inside then would never let the process end, or abort it: it is ended from outside.
 */
function leaveAll(): void {
  const endAt = performance.now() + EXIT_WAIT_MS;
  for (const flags of guarded) Atomics.store(flags, FORBIDDEN, 1);
  for (const flags of guarded) Atomics.wait(flags, INSIDE, 1, Math.max(0, endAt - performance.now()));
  if ([...guarded].some((flags) => Atomics.load(flags, INSIDE) === 1)) process.kill(process.pid, 'SIGKILL');
}
