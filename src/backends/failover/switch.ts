import type { Inference, LoadedModel } from '../../core/backend.ts';
import { SidecarError, toSidecarError } from '../../core/errors.ts';

/** A device that holds windows and has answered none for so long is helped by the CPU; EdgeInfer gives up after 45 ms. */
const HEDGE_MS = 12;
/** A slow device may take so many times what its windows usually take, but not longer than leaves the CPU time. */
const HEDGE_FACTOR = 8;
const MAX_HEDGE_MS = 20;
/** A device that stalls so often within so long is no help: it is put out of service, and proves itself anew. */
const MAX_STALLS = 5;
const STALLS_WITHIN_MS = 10_000;
const SLOW = 'the device was slow to answer; the CPU computed this window';
const FAILED = 'the device failed on this window; the CPU computed it';

/** Of one model: where it is loaded, and what is true of it now. */
export interface SwitchParts {
  /** null when only the CPU can compute it. */
  readonly onDevice: LoadedModel | null;
  readonly onCpu: LoadedModel;
  /** Whether the device serves this very model. */
  isServed(): boolean;
  /** Why the CPU's answer for this model is less than it should be, or null; `why` where the device serves it. */
  degraded(why: string, ofCpu: string | null): string | null;
  takeDevice(): Promise<void>;
  /** Called when it is being closed, and when it is. */
  onClose(): void;
  onClosed(): void;
}

/** One model on the device and on the CPU, as one. */
export function createSwitch({ onDevice, onCpu, ...parts }: SwitchParts): LoadedModel {
  const active = () => (onDevice !== null && parts.isServed() ? onDevice : onCpu);
  const stalls: number[] = [];
  let usualMs = 0;
  let settledAt = 0;
  /** Until the device settles one of the windows that it holds, the CPU takes the new ones. */
  let isStalled = false;
  let closing: Promise<void> | null = null;

  async function runOnCpu(input: Float32Array, why: string): Promise<Inference> {
    const answer = await onCpu.run(input);
    return { ...answer, degraded: parts.degraded(why, answer.degraded) };
  }

  function stall(): void {
    if (isStalled) return;
    isStalled = true;
    const now = performance.now();
    stalls.push(now);
    while (now - stalls[0]! > STALLS_WITHIN_MS) stalls.shift();
    if (stalls.length < MAX_STALLS) return;
    stalls.length = 0;
    onDevice?.demote?.(
      `It was slow ${MAX_STALLS} times within ${STALLS_WITHIN_MS / 1000} s: it held windows and answered none.`,
    );
  }

  function settled(): void {
    settledAt = performance.now();
    isStalled = false;
  }

  /** The device's answer, or the CPU's where the device fails or stalls; the first that comes is the one. */
  function race(device: LoadedModel, input: Float32Array): Promise<Inference> {
    const { promise, resolve, reject } = Promise.withResolvers<Inference>();
    const startAt = performance.now();
    let helper: Promise<void> | null = null;
    let timer: NodeJS.Timeout | undefined;
    /** What fails here is no answer yet: the device may still give one. */
    const help = (why: string) => {
      helper ??= runOnCpu(input.slice(), why).then(resolve);
      return helper;
    };
    const look = () => {
      const limitMs = Math.max(HEDGE_MS, Math.min(MAX_HEDGE_MS, HEDGE_FACTOR * usualMs));
      const leftMs = Math.max(startAt, settledAt) + limitMs - performance.now();
      if (leftMs > 0) {
        timer = setTimeout(look, leftMs);
        return;
      }
      stall();
      help(SLOW).catch(() => {});
    };
    look();
    device
      .run(input)
      .finally(settled)
      .then(
        (answer) => {
          if (helper === null) usualMs += (performance.now() - startAt - usualMs) / 16; // a stall is nothing to get used to
          resolve(answer);
        },
        (thrown) => (isLoss(thrown) ? help(FAILED).catch(reject) : reject(thrown)),
      )
      .finally(() => clearTimeout(timer));
    return promise;
  }

  async function close(): Promise<void> {
    parts.onClose();
    await Promise.all([onDevice?.close(), onCpu.close()]);
    parts.onClosed();
  }

  async function run(input: Float32Array): Promise<Inference> {
    const first = active();
    if (first === onCpu || isStalled) return runOnCpu(input, isStalled ? SLOW : FAILED);
    return race(first, input);
  }

  return {
    id: onCpu.id,
    get capacity() {
      return (isStalled ? onCpu : active()).capacity;
    },
    get lanes() {
      return (isStalled ? onCpu : active()).lanes;
    },
    run,
    poll: () => onCpu.poll?.(),
    demote: (reason) => onDevice?.demote?.(reason),
    get holdsDevice() {
      return onDevice !== null && onDevice.holdsDevice !== false;
    },
    takeDevice: parts.takeDevice,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** The device's fault, not the window's: another backend may do better. */
function isLoss(thrown: unknown): boolean {
  return thrown instanceof SidecarError && toSidecarError(thrown).code === 'BACKEND_UNAVAILABLE';
}
