import type { Backend, BackendState, LoadedModel, ModelSource } from '../../core/backend.ts';
import { createTurns } from '../../core/turns.ts';
import { createSwitch } from './switch.ts';

/** A backend whose device holds one model; `isAside`: this one does not get it before it takes it, not even a free one. */
export interface DeviceBackend extends Backend {
  load(source: ModelSource, options?: { readonly isAside?: boolean }): Promise<LoadedModel>;
}

interface Tenant {
  readonly source: ModelSource;
  readonly onDevice: LoadedModel | null;
}

/** The device on its way from one model to another. */
interface Move {
  readonly from: Tenant | null;
  readonly why: string;
}

/**
 * The device where it serves, else the CPU, degraded and with the reason. The CPU holds every model, so a switch costs no
 * load; a window that the device lost is computed by the CPU, once, if its deadline allows. The first model is put on the
 * device, a later one when it takes it; what answers from the CPU because the device is another's is not degraded by that.
 *
 * @param whyNot why a device that does not serve leaves something to wish for; null where there is none
 * @param onChange state() tells something else than before, and neither of the two backends knows
 */
export function createFailover(
  device: DeviceBackend,
  cpu: Backend,
  whyNot: (source: ModelSource, onDevice: BackendState) => string | null,
  onChange: () => void = () => {},
): Backend {
  const inTurn = createTurns();
  /** In the order in which they were loaded. */
  const tenants: Tenant[] = [];
  let latest: ModelSource | null = null;
  let move: Move | null = null;

  async function load(source: ModelSource): Promise<LoadedModel> {
    const isAside = tenants.length > 0;
    if (!isAside) latest = source;
    const onCpu = await cpu.load(source);
    try {
      const isForDevice = source.artefacts.some(({ kind }) => kind === 'hef');
      const tenant = { source, onDevice: isForDevice ? await device.load(source, { isAside }) : null };
      latest = source;
      tenants.push(tenant);
      return switchOf(tenant, onCpu);
    } catch (thrown) {
      await onCpu.close();
      throw thrown;
    }
  }

  function switchOf(tenant: Tenant, onCpu: LoadedModel): LoadedModel {
    const { onDevice } = tenant;
    return createSwitch({
      onDevice,
      onCpu,
      isServed: () => isServed(tenant),
      degraded: (why, ofCpu) =>
        isServed(tenant) ? (device.state().degraded ?? why) : besides(whyOnCpu(tenant), ofCpu),
      takeDevice: () => inTurn(() => take(tenant)),
      onClose: () => void tenants.splice(tenants.indexOf(tenant), 1),
      onClosed: () => tenants.length > 0 && onChange(),
    });
  }

  const holds = ({ onDevice }: Tenant) => onDevice !== null && onDevice.holdsDevice !== false;
  const isServed = (tenant: Tenant) => move?.from !== tenant && holds(tenant) && device.state().available;

  function whyOnCpu(tenant: Tenant): string | null {
    if (move?.from === tenant) return move.why;
    const isOthers = (move?.from ?? tenants.find(holds) ?? tenant) !== tenant;
    return isOthers ? null : whyNot(tenant.source, device.state());
  }

  async function take(tenant: Tenant): Promise<void> {
    const { onDevice, source } = tenant;
    if (onDevice === null || holds(tenant)) return;
    const why = `the device is being given to ${source.id}; the CPU computes meanwhile`;
    const from = device.state().available ? tenants.find(holds) : null;
    move = { from: from ?? null, why };
    try {
      await onDevice.takeDevice?.();
    } finally {
      move = null;
      onChange();
    }
  }

  function state(): BackendState {
    const onDevice = device.state();
    if (onDevice.available) return onDevice;
    const onCpu = cpu.state();
    if (move !== null && move.from !== null) return { ...onCpu, degraded: besides(move.why, onCpu.degraded) };
    const source = (tenants.find(holds) ?? tenants.at(-1))?.source ?? latest;
    return source === null ? onCpu : { ...onCpu, degraded: besides(whyNot(source, onDevice), onCpu.degraded) };
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

function besides(reason: string | null, ofCpu: string | null): string | null {
  if (reason === null || ofCpu === null) return reason ?? ofCpu;
  return `${reason} Besides, ${ofCpu}.`;
}
