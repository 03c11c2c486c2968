import type { Backend, BackendState, Inference, LoadedModel, ModelSource } from '../core/backend.ts';
import { SidecarError, toSidecarError } from '../core/errors.ts';

/**
 * The device where it serves, else the CPU, degraded and with the reason. Both hold the model, so a switch costs no load;
 * a window that the device lost is computed by the CPU, once, if its deadline allows.
 *
 * @param whyNot why a device that does not serve leaves something to wish for; null where there is none
 */
export function createFailover(
  device: Backend,
  cpu: Backend,
  whyNot: (source: ModelSource, onDevice: BackendState) => string | null,
): Backend {
  let source: ModelSource | null = null;

  async function load(wanted: ModelSource): Promise<LoadedModel> {
    source = wanted;
    const onCpu = await cpu.load(source);
    if (!source.artefacts.some(({ kind }) => kind === 'hef')) return createSwitch(null, onCpu, state);
    try {
      return createSwitch(await device.load(source), onCpu, state);
    } catch (thrown) {
      await onCpu.close();
      throw thrown;
    }
  }

  function state(): BackendState {
    const onDevice = device.state();
    if (onDevice.available) return onDevice;
    const onCpu = cpu.state();
    const reason = source === null ? null : whyNot(source, onDevice);
    if (reason === null) return onCpu;
    return { ...onCpu, degraded: onCpu.degraded === null ? reason : `${reason} Besides, ${onCpu.degraded}.` };
  }

  return {
    get kind() {
      return state().kind;
    },
    state,
    telemetry: () => device.telemetry?.() ?? null,
    load,
    close: async () => {
      await Promise.all([device.close(), cpu.close()]);
    },
  };
}

/** A device that holds windows and has answered none for so long is helped by the CPU; EdgeInfer gives up after 45 ms. */
const HEDGE_MS = 12;
/** A slow device may take so many times what its windows usually take. */
const HEDGE_FACTOR = 8;
const SLOW = 'the device was slow to answer; the CPU computed this window';
const FAILED = 'the device failed on this window; the CPU computed it';

function createSwitch(onDevice: LoadedModel | null, onCpu: LoadedModel, state: () => BackendState): LoadedModel {
  const active = () => (onDevice !== null && state().kind === 'hailo' ? onDevice : onCpu);
  let usualMs = 0;
  let settledAt = 0;
  /** Until the device settles one of the windows that it holds, the CPU takes the new ones. */
  let isStalled = false;

  async function runOnCpu(input: Float32Array, why: string): Promise<Inference> {
    const answer = await onCpu.run(input);
    const { degraded, kind } = state();
    return { ...answer, degraded: degraded ?? (kind === 'hailo' ? why : null) };
  }

  async function runOnDevice(device: LoadedModel, input: Float32Array): Promise<Inference> {
    const startAt = performance.now();
    try {
      const answer = await device.run(input);
      usualMs += (performance.now() - startAt - usualMs) / 16;
      return answer;
    } finally {
      settledAt = performance.now();
      isStalled = false;
    }
  }

  /** The device's answer, or the CPU's where the device fails or stalls; the first that comes is the one. */
  function race(device: LoadedModel, input: Float32Array): Promise<Inference> {
    const { promise, resolve, reject } = Promise.withResolvers<Inference>();
    const startAt = performance.now();
    let isHedged = false;
    let timer: NodeJS.Timeout | undefined;
    const toCpu = (why: string) => {
      if (!isHedged) void runOnCpu(input.slice(), why).then(resolve, reject);
      isHedged = true;
    };
    const look = () => {
      const leftMs = Math.max(startAt, settledAt) + Math.max(HEDGE_MS, HEDGE_FACTOR * usualMs) - performance.now();
      if (leftMs > 0) timer = setTimeout(look, leftMs);
      else {
        isStalled = true;
        toCpu(SLOW);
      }
    };
    look();
    runOnDevice(device, input)
      .then(resolve, (thrown) => (isLoss(thrown) ? toCpu(FAILED) : reject(thrown)))
      .finally(() => clearTimeout(timer));
    return promise;
  }

  async function run(input: Float32Array): Promise<Inference> {
    const first = active();
    if (first === onCpu || isStalled) return runOnCpu(input, SLOW);
    return race(first, input);
  }

  return {
    id: onCpu.id,
    get capacity() {
      return active().capacity;
    },
    get lanes() {
      return active().lanes;
    },
    run,
    demote: (reason) => onDevice?.demote?.(reason),
    close: async () => {
      await Promise.all([onDevice?.close(), onCpu.close()]);
    },
  };
}

/** The device's fault, not the window's: another backend may do better. */
function isLoss(thrown: unknown): boolean {
  return thrown instanceof SidecarError && toSidecarError(thrown).code === 'BACKEND_UNAVAILABLE';
}
