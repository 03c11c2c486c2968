import type {
  Backend,
  BackendState,
  Inference,
  LoadedModel,
  ModelSource,
  VerifiedArtefact,
} from '../../core/backend.ts';
import { messageOf, SidecarError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { nameOf, whyNoDevice, whyNotNow } from './absence.ts';
import { type Claimant, type Custody, createCustody } from './custody.ts';
import { createPresence, detectDevices } from './detect.ts';
import { createDevice } from './device.ts';
import type { HeatLimits } from './heat.ts';
import { createHistory } from './history.ts';
import type { Link, StartHost } from './link.ts';
import type { Step } from './messages.ts';
import { HailoModel } from './model.ts';
import type { DeviceParts, ServedDevice } from './served-device.ts';

export { whyNoDevice };

/** The `backend.hailo` section, in milliseconds. */
export interface HailoSettings {
  readonly library: string | null;
  readonly deviceId: string | null;
  readonly multiProcessService: boolean;
  readonly timeoutMs: number;
  readonly batchSize: number;
  readonly probeIntervalMs: number;
  /** null: resident. */
  readonly keepAliveMs: number | null;
  /** Read at each measurement. */
  heatLimits(): HeatLimits;
}

export interface HailoBackendParts {
  readonly settings: HailoSettings;
  readonly startHost: StartHost;
  readonly log: Log;
  readonly onChange?: () => void;
  /** Only a new process can open the device, see detect.ts; `node` tells this node from one made later. */
  readonly onStale?: (why: string, node: string) => void;
  /** Where /sys and /dev are; / but in tests. */
  readonly root?: string;
  readonly retryDelayMs?: (attempt: number) => number;
  readonly measureMs?: number;
  /** How long a device that served may take to be opened with another model; for tests. */
  readonly takeMs?: number;
  /** A step of an opening is done, and what it found; see messages.ts. */
  readonly onStep?: (step: Step, text: string) => void;
}

/** A backend whose device a model may leave alone. */
export interface HailoBackend extends Backend {
  /** `isAside`: the model does not get the device, not even a free one, before it takes it. */
  load(source: ModelSource, options?: { readonly isAside?: boolean }): Promise<LoadedModel>;
}

/**
 * The chip, through libhailort in a process of its own. It holds one model at a time; a device that is lost is opened again
 * by itself, and answers nobody before its golden windows came out right.
 */
export function createHailoBackend(parts: HailoBackendParts): HailoBackend {
  const { onChange = () => {}, settings, log, takeMs } = parts;
  const models = new Set<HailoModel>();
  const history = createHistory();
  const isPresent = createPresence(settings.probeIntervalMs, parts.root);
  let reason = 'No model has been loaded onto the device.';
  let isClosed = false;
  /** The end of the only model, or of all, is not told: nobody is left to be served otherwise. */
  const onCustody = () => {
    if (!isClosed && [...models].some((model) => !model.isClosed)) onChange();
  };
  const custody = createCustody({ log, onChange: onCustody, ...(takeMs && { takeMs }) });

  async function load(source: ModelSource, { isAside = false } = {}): Promise<LoadedModel> {
    if (isClosed) throw new SidecarError('BACKEND_UNAVAILABLE', 'The Hailo backend has been closed.');
    const hef = source.artefacts.find(({ kind }) => kind === 'hef');
    if (hef === undefined) {
      reason = whyNoDevice(parts.root) ?? whyNoHef(source.id);
      throw new SidecarError('BACKEND_UNAVAILABLE', reason);
    }
    const create = (): ServedDevice => {
      const proof = (link: Link) => prove(source, (input) => model.runOn(device, link, input));
      const device = createDevice({ ...toDeviceParts(parts, source, hef), history, prove: proof });
      return device;
    };
    const { model, claimant } = introduce(source, custody, { create, onLeft: () => left(model) });
    models.add(model);
    if (!isAside) await custody.claim(claimant);
    return model;
  }

  function left(model: HailoModel): void {
    models.delete(model);
    reason = 'The device has been closed.';
  }

  function state(): BackendState {
    if (custody.device !== null) return custody.device.state();
    const why = models.size === 0 ? reason : custody.whyNobody();
    const isAbsent = !history.wasSeen && !isPresent();
    return { kind: 'hailo', available: false, reason: why, device: 'none', degraded: null, isAbsent };
  }

  return {
    kind: 'hailo',
    state,
    telemetry: () => custody.device?.telemetry() ?? null,
    load,
    close: async () => {
      isClosed = true;
      await Promise.all([...models].map((model) => model.close()));
    },
  };
}

/** Said wherever a chip is there and idles because of it. */
export function whyNoHef(id: string): string {
  return `The bundle of ${id} has no .hef, which a Hailo device needs: compile its .onnx with Hailo's Dataflow Compiler and make the bundle with "model create --hef FILE".`;
}

/** A model and its claim to the device, which know each other. */
function introduce(
  source: ModelSource,
  custody: Custody,
  { create, onLeft }: { create(): ServedDevice; onLeft(): void },
): { model: HailoModel; claimant: Claimant } {
  const model: HailoModel = new HailoModel(source, {
    get isHeld() {
      return custody.has(claimant);
    },
    device: () => custody.deviceOf(claimant),
    take: () => custody.take(claimant),
    leave: () => custody.leave(claimant).finally(onLeft),
  });
  const claimant: Claimant = {
    id: source.id,
    get isClosed() {
      return model.isClosed;
    },
    settle: () => model.settle(),
    create,
  };
  return { model, claimant };
}

function toDeviceParts(
  { settings, startHost, log, onChange, onStale, root, retryDelayMs, measureMs, onStep }: HailoBackendParts,
  source: ModelSource,
  hef: VerifiedArtefact,
): Omit<DeviceParts, 'prove' | 'history'> {
  const { id, input, outputs } = source;
  const crossing = { id, input, outputs, inputLayout: hef.inputLayout ?? null, vstreams: hef.vstreams ?? {} };
  const { probeIntervalMs, heatLimits, keepAliveMs, ...forHost } = settings;
  return {
    id: nameOf(settings.deviceId, root),
    startHost,
    log,
    probeIntervalMs,
    heatLimits,
    keepAliveMs,
    ...(measureMs && { measureMs }),
    request: { type: 'open', ...forHost, hefPath: hef.path, hefSha256: hef.sha256, source: crossing },
    expectedDeviceMs: hef.expectedDeviceMs ?? null,
    whyNot: () => whyNotNow(root, settings.deviceId, onStale),
    isPresent: () => detectDevices(root).length > 0,
    onChange: onChange ?? (() => {}),
    ...(retryDelayMs && { retryDelayMs }),
    ...(onStep && { onStep }),
  };
}

async function prove(source: ModelSource, run: (input: Float32Array) => Promise<Inference>): Promise<void> {
  try {
    await source.prove?.(run);
  } catch (cause) {
    throw new SidecarError('BACKEND_UNAVAILABLE', `The golden windows fail on the device: ${messageOf(cause)}`, {
      cause,
    });
  }
}
