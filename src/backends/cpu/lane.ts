import type { Worker } from 'node:worker_threads';
import type { Inference } from '../../core/backend.ts';
import { messageOf, SidecarError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { TensorSpec } from '../../core/tensor.ts';
import { createFlags, endThread, guardExit, leave, unguardExit } from './crossing.ts';
import {
  type FromWorker,
  type GraphFacts,
  SLOTS,
  slotBytes,
  slotMarks,
  slotViews,
  type ToWorker,
  type WorkerInit,
} from './protocol.ts';

/** Starts a thread that runs worker.ts. */
export type StartWorker = (init: WorkerInit) => Worker;

export interface LaneParts {
  readonly onnx: SharedArrayBuffer;
  readonly input: TensorSpec;
  readonly outputs: readonly TensorSpec[];
  readonly startWorker: StartWorker;
  readonly log: Log;
  /** A slot has become free, or the lane has gone up or down. */
  onChange(): void;
  /** Delay before the n-th restart in a row, in milliseconds; for tests. */
  readonly restartDelayMs?: (attempt: number) => number;
  /** How long close() waits for a thread that does not end; for tests. */
  readonly closeTimeoutMs?: number;
}

/** One thread that computes windows, one at a time, with the next one staged. It is restarted when it dies. */
export interface Lane {
  /** Resolves when the model is loaded; rejects with MODEL_INVALID when the runtime refuses it. */
  readonly ready: Promise<GraphFacts>;
  isUp(): boolean;
  /** True while the thread is inside one window for longer than any window takes. */
  isStuck(): boolean;
  /** 0 while the thread is not up. */
  freeSlots(): number;
  /** Only while freeSlots() > 0. */
  run(input: Float32Array): Promise<Inference>;
  /** See LoadedModel.poll. */
  poll(): void;
  /** Ends the thread; one that is stuck in a window is left behind. */
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (inference: Inference) => void;
  readonly reject: (error: SidecarError) => void;
  readonly since: number;
}

const CLOSE_TIMEOUT_MS = 2000;
const STUCK_MS = 5000;
const backoff = (attempt: number) => Math.min(10_000, 100 * 2 ** attempt);

export function createLane(parts: LaneParts): Lane {
  const { input, outputs, log } = parts;
  const slots = new SharedArrayBuffer(slotBytes(input, outputs));
  const views = slotViews({ input, outputs, slots });
  const marks = slotMarks(slots);
  const delayMs = parts.restartDelayMs ?? backoff;
  const ready = Promise.withResolvers<GraphFacts>();
  const pending: (Pending | null)[] = new Array(SLOTS).fill(null);
  let isUp = false;
  let wasUp = false;
  let isClosing = false;
  let restarts = 0;
  let fault: unknown = null;
  let timer: NodeJS.Timeout | undefined;
  let flags = createFlags();
  let worker = start();

  /** Throws what startWorker throws, when the system has no thread to give. */
  function start(): Worker {
    const own = createFlags();
    const thread = parts.startWorker({ onnx: parts.onnx, input, outputs, slots, flags: own });
    guardExit(own);
    flags = own;
    thread.on('message', receive);
    thread.on('error', (error) => {
      fault = error;
      if (wasUp) log.error({ err: error }, 'a CPU inference thread failed');
    });
    thread.on('exit', (status) => {
      leave(own);
      unguardExit(own);
      ended(status);
    });
    return thread;
  }

  function receive(message: FromWorker): void {
    if (typeof message === 'number')
      poll(); // it may have been seen already, and the slot be another window's
    else if ('ready' in message) cameUp(message.ready);
    else if ('failed' in message) refusedToLoad(message.failed);
    else failed(message.slot, message.error);
  }

  /** The first load tells its caller; a later one, after a restart, has only the log. */
  function refusedToLoad(reason: string): void {
    if (wasUp) log.error({ reason }, 'the CPU runtime cannot load the model again');
    ready.reject(refused(reason));
  }

  function failed(slot: number, reason: string): void {
    take(slot)?.reject(new SidecarError('BACKEND_FAILED', `The CPU runtime failed on this window: ${reason}`));
    parts.onChange();
  }

  function cameUp(facts: GraphFacts): void {
    isUp = true;
    wasUp = true;
    ready.resolve(facts);
    parts.onChange();
  }

  function poll(): void {
    for (let slot = 0; slot < SLOTS; slot++) {
      if (pending[slot] !== null && Atomics.load(marks.isDone, slot) === 1) answer(slot);
    }
  }

  /** The outputs are copied, slice() of a shared view is not shared, before the slot goes to the next window. */
  function answer(slot: number): void {
    const caller = take(slot);
    restarts = 0; // not before: a thread that dies at its first window must not be restarted ever faster
    const results: Record<string, Float32Array> = {};
    for (const [i, spec] of outputs.entries()) results[spec.name] = views[slot]!.outputs[i]!.slice();
    caller?.resolve({ outputs: results, backend: 'cpu', degraded: null, computeMs: marks.tookMs[slot]! });
    parts.onChange();
  }

  function take(slot: number): Pending | null {
    const caller = pending[slot] ?? null;
    pending[slot] = null;
    return caller;
  }

  function ended(status: number): void {
    isUp = false;
    ready.reject(neverUp(status, fault)); // nothing happens when it was up before
    poll(); // what it computed before it ended is an answer
    for (let slot = 0; slot < SLOTS; slot++) take(slot)?.reject(lost());
    parts.onChange();
    if (isClosing || !wasUp) return;
    log.error({ status, restart_in_ms: delayMs(restarts) }, 'a CPU inference thread ended; starting another');
    scheduleRestart();
  }

  function scheduleRestart(): void {
    timer = setTimeout(() => {
      try {
        worker = start();
      } catch (error) {
        log.error({ err: error, restart_in_ms: delayMs(restarts) }, 'a CPU inference thread cannot be started');
        scheduleRestart();
      }
    }, delayMs(restarts));
    restarts += 1;
  }

  function run(window: Float32Array): Promise<Inference> {
    const slot = pending.indexOf(null);
    views[slot]!.input.set(window);
    Atomics.store(marks.isDone, slot, 0);
    return new Promise((resolve, reject) => {
      pending[slot] = { resolve, reject, since: performance.now() };
      worker.postMessage(slot satisfies ToWorker);
    });
  }

  async function close(): Promise<void> {
    isClosing = true;
    clearTimeout(timer);
    await endThread(worker, flags, { timeoutMs: parts.closeTimeoutMs ?? CLOSE_TIMEOUT_MS, log });
  }

  const freeSlots = () => (isUp ? pending.filter((caller) => caller === null).length : 0);
  const isStuck = () => pending.some((caller) => caller !== null && performance.now() - caller.since > STUCK_MS);
  ready.promise.catch(() => {}); // the caller that awaits it hears of it
  return { ready: ready.promise, isUp: () => isUp, isStuck, freeSlots, run, poll, close };
}

function refused(reason: string): SidecarError {
  return new SidecarError('MODEL_INVALID', `The CPU runtime cannot load the model: ${reason}. Check the .onnx file.`);
}

/** A thread that ended before it could say anything: mostly its native part cannot be loaded. */
function neverUp(status: number, fault: unknown): SidecarError {
  if (fault === null) return refused(`its thread ended with status ${status}`);
  return new SidecarError('NATIVE_MISSING', `A CPU inference thread cannot start: ${messageOf(fault)}`, {
    cause: fault,
  });
}

function lost(): SidecarError {
  return new SidecarError('BACKEND_UNAVAILABLE', 'The CPU inference thread was lost; another one is being started.');
}
