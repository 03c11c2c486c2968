import type { Backend, BackendState, Inference, LoadedModel, ModelSource } from '../core/backend.ts';
import { SidecarError, toSidecarError } from '../core/errors.ts';

/**
 * The device where it serves, else the CPU, degraded and with the reason. Both hold the model, so a switch costs no load;
 * a window that the device lost is computed by the CPU, once, if its deadline allows.
 *
 * @param whyNot why the device is of no use for a model, or null
 */
export function createFailover(device: Backend, cpu: Backend, whyNot: (source: ModelSource) => string | null): Backend {
  let without: string | null = null;

  async function load(source: ModelSource): Promise<LoadedModel> {
    without = whyNot(source);
    const onCpu = await cpu.load(source);
    if (without !== null) return createSwitch(null, onCpu, state);
    try {
      return createSwitch(await device.load(source), onCpu, state);
    } catch (thrown) {
      await onCpu.close();
      throw thrown;
    }
  }

  function state(): BackendState {
    const onDevice = device.state();
    if (without === null && onDevice.available) return onDevice;
    const onCpu = cpu.state();
    const reason = without ?? onDevice.reason ?? 'The device does not serve.';
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

function createSwitch(onDevice: LoadedModel | null, onCpu: LoadedModel, state: () => BackendState): LoadedModel {
  const active = () => (onDevice !== null && state().kind === 'hailo' ? onDevice : onCpu);

  async function run(input: Float32Array): Promise<Inference> {
    const first = active();
    if (first !== onCpu) {
      try {
        return await first.run(input);
      } catch (thrown) {
        if (!isLoss(thrown)) throw thrown;
      }
    }
    const answer = await onCpu.run(input);
    const { degraded } = state();
    return { ...answer, degraded: degraded ?? 'the device failed on this window; the CPU computed it' };
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
