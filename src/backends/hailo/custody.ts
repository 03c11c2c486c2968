import { messageOf, SidecarError, toSidecarError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { createTurns } from '../../core/turns.ts';
import type { ServedDevice } from './served-device.ts';

/** A model, as one that may have the device. */
export interface Claimant {
  /** name@version */
  readonly id: string;
  readonly isClosed: boolean;
  /** Resolves when its windows in flight are answered, or that takes too long. */
  settle(): Promise<void>;
  /** The device with this model on it, not opened yet. */
  create(): ServedDevice;
}

export interface CustodyParts {
  readonly log: Log;
  /** Who has the device is another than before. */
  onChange(): void;
  /** How long a device that served may take to be opened with another model; for tests. */
  readonly takeMs?: number;
}

/** Who has the one device: it holds one model at a time. */
export interface Custody {
  /** Of who has it; null while nobody has, or it is being given away. */
  readonly device: ServedDevice | null;
  /** Why nobody can be asked to compute on it, while `device` is null. */
  whyNobody(): string;
  has(one: Claimant): boolean;
  /** Throws BACKEND_UNAVAILABLE, and says who has it, when it is not this one. */
  deviceOf(one: Claimant): ServedDevice;
  /** Gives a device that is free, as load() does: resolves after the first try, however it ended. Else does nothing. */
  claim(one: Claimant): Promise<void>;
  /** As LoadedModel.takeDevice. Rejects with MODEL_REFUSED, or with BACKEND_UNAVAILABLE when it is closed. */
  take(one: Claimant): Promise<void>;
  /** Releases the device when this one has it, or is about to. Idempotent. */
  leave(one: Claimant): Promise<void>;
}

interface Holding {
  readonly one: Claimant;
  readonly device: ServedDevice;
}

/** Opening takes a second or two; what takes longer than this is given up, and the model before gets the device back. */
const TAKE_MS = 10_000;

export function createCustody({ log, onChange, takeMs = TAKE_MS }: CustodyParts): Custody {
  const inTurn = createTurns();
  /** The latest of each; to close it a second time is to wait for its end. */
  const devices = new Map<Claimant, ServedDevice>();
  let holding: Holding | null = null;
  let giving: Claimant | null = null;
  let takers = 0;

  function create(one: Claimant): ServedDevice {
    const device = one.create();
    devices.set(one, device);
    return device;
  }

  async function release({ one, device }: Holding): Promise<void> {
    await one.settle();
    await device.close();
  }

  async function claim(one: Claimant): Promise<void> {
    const former = holding;
    if (takers > 0 || former?.one.isClosed === false) return;
    const device = create(one);
    holding = { one, device };
    if (former !== null) await release(former);
    await device.open();
  }

  async function give(one: Claimant): Promise<void> {
    requireOpen(one);
    if (holding?.one === one) return;
    const former = holding;
    const wasServing = former?.device.state().available ?? false;
    [holding, giving] = [null, one];
    onChange();
    try {
      if (former !== null) await release(former);
      requireOpen(one);
      holding = { one, device: await openOn(one, wasServing) };
    } catch (thrown) {
      throw refusal(one, thrown, await giveBack(former));
    } finally {
      giving = null;
      onChange();
    }
    log.info({}, `the Hailo device was given to ${one.id}${former === null ? '' : `, ${former.one.id} had it`}`);
  }

  /** Where nobody served, a device that is away is no fault of the model: it is opened when it is there, as after a load. */
  async function openOn(one: Claimant, wasServing: boolean): Promise<ServedDevice> {
    const device = create(one);
    const fault = wasServing ? await device.openOnce(takeMs) : await device.open();
    if (!one.isClosed && (fault === null || (!wasServing && !isOfModel(fault)))) return device;
    await device.close();
    throw fault ?? closed(one);
  }

  /** The one who has it again; null when there is none to give it back to. */
  async function giveBack(former: Holding | null): Promise<Holding | null> {
    if (former === null || former.one.isClosed) return null;
    holding = { one: former.one, device: create(former.one) };
    giving = null;
    await holding.device.open();
    return holding;
  }

  function whyNobody(): string {
    if (giving !== null) return `The Hailo device is being given to ${giving.id}.`;
    return 'No model has the Hailo device: activate one to put it there.';
  }

  return {
    get device() {
      return holding?.device ?? null;
    },
    whyNobody,
    has: (one) => holding?.one === one,
    deviceOf: (one) => {
      if (holding?.one === one) return holding.device;
      const why = holding === null ? whyNobody() : `The Hailo device holds ${holding.one.id}, one model at a time.`;
      throw new SidecarError('BACKEND_UNAVAILABLE', `${why} ${one.id} does not answer until it is given the device.`);
    },
    claim,
    take: (one) => {
      takers += 1;
      return inTurn(() => give(one)).finally(() => {
        takers -= 1;
      });
    },
    leave: async (one) => {
      const device = devices.get(one);
      await device?.close();
      devices.delete(one);
      if (device === undefined || holding?.device !== device) return;
      holding = null;
      onChange();
    },
  };
}

function requireOpen(one: Claimant): void {
  if (one.isClosed) throw closed(one);
}

function closed({ id }: Claimant): SidecarError {
  return new SidecarError('BACKEND_UNAVAILABLE', `The model ${id} was closed before it had the device.`);
}

/** Whoever was closed was not refused. */
function refusal(one: Claimant, cause: unknown, former: Holding | null): unknown {
  if (one.isClosed) return closed(one);
  const { available = false } = former?.device.state() ?? {};
  const again = `${former?.one.id} ${available ? 'has the device again' : 'is being opened on it again'}.`;
  const what = `${one.id} does not serve on the Hailo device: ${messageOf(cause)}`;
  return new SidecarError('MODEL_REFUSED', former === null ? what : `${what} ${again}`, { cause });
}

/** It contradicts its .hef or its golden windows, which no other try would change. */
function isOfModel(fault: unknown): boolean {
  const { code, cause } = toSidecarError(fault);
  if (code === 'MODEL_INVALID') return true;
  return cause !== undefined && toSidecarError(cause).code !== 'BACKEND_UNAVAILABLE';
}
