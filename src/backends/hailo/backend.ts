import type { Backend, Inference, LoadedModel, ModelSource, VerifiedArtefact } from '../../core/backend.ts';
import { messageOf, SidecarError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { detectDevices, isStale } from './detect.ts';
import { createDevice, type DeviceParts, type ServedDevice } from './device.ts';
import type { HeatLimits } from './heat.ts';
import type { Link, StartHost } from './link.ts';
import { HailoModel } from './model.ts';

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
  /** Only a new process can open the device, see detect.ts. */
  readonly onStale?: (why: string) => void;
  /** Where /sys and /dev are; / but in tests. */
  readonly root?: string;
  readonly retryDelayMs?: (attempt: number) => number;
  readonly measureMs?: number;
}

/**
 * The chip, through libhailort in a process of its own. One model at a time; a device that is lost is opened again by
 * itself, and answers nobody before its golden windows came out right.
 */
export function createHailoBackend(parts: HailoBackendParts): Backend {
  let device: ServedDevice | null = null;
  let model: HailoModel | null = null;
  let reason = 'No model has been loaded onto the device.';
  let isClosed = false;

  async function load(source: ModelSource): Promise<LoadedModel> {
    if (isClosed) throw new SidecarError('BACKEND_UNAVAILABLE', 'The Hailo backend has been closed.');
    const hef = source.artefacts.find(({ kind }) => kind === 'hef');
    if (hef === undefined) {
      reason = whyNoDevice(parts.root) ?? whyNoHef(source.id);
      throw new SidecarError('BACKEND_UNAVAILABLE', reason);
    }
    await model?.close();
    const next = new HailoModel(
      source,
      toDevice(() => device!),
    );
    device = createDevice({ ...toDeviceParts(parts, source, hef), prove: (link) => prove(source, next, link) });
    model = next;
    await device.open();
    return next;
  }

  return {
    kind: 'hailo',
    state: () => device?.state() ?? { kind: 'hailo', available: false, reason, device: 'none', degraded: null },
    telemetry: () => device?.telemetry() ?? null,
    load,
    close: async () => {
      isClosed = true;
      await model?.close();
    },
  };
}

/** Said wherever a chip is there and idles because of it. */
export function whyNoHef(id: string): string {
  return `The bundle of ${id} has no .hef, which a Hailo device needs: compile its .onnx with Hailo's Dataflow Compiler and make the bundle with "model create --hef FILE".`;
}

function toDevice(device: () => ServedDevice) {
  return {
    link: () => device().link(),
    get isTransposed() {
      return device().isTransposed;
    },
    demote: (reason: string) => device().demote(reason),
    close: () => device().close(),
  };
}

function toDeviceParts(
  { settings, startHost, log, onChange, onStale, root, retryDelayMs, measureMs }: HailoBackendParts,
  source: ModelSource,
  hef: VerifiedArtefact,
): Omit<DeviceParts, 'prove'> {
  const { id, input, outputs } = source;
  const crossing = { id, input, outputs, inputLayout: hef.inputLayout ?? null, vstreams: hef.vstreams ?? {} };
  const { probeIntervalMs, heatLimits, keepAliveMs, ...forHost } = settings;
  return {
    startHost,
    log,
    probeIntervalMs,
    heatLimits,
    keepAliveMs,
    ...(measureMs && { measureMs }),
    request: { type: 'open', ...forHost, hefPath: hef.path, hefSha256: hef.sha256, source: crossing },
    whyNot: () => whyNotNow(root, onStale),
    onChange: onChange ?? (() => {}),
    ...(retryDelayMs && { retryDelayMs }),
  };
}

function whyNotNow(root: string | undefined, onStale: ((why: string) => void) | undefined): string | null {
  const stale = detectDevices(root).find((device) => isStale(device, root));
  if (stale === undefined) return whyNoDevice(root);
  const why = `${stale.node} was re-created (a driver reload?) and this process may not open it any more: restart the service.`;
  onStale?.(why);
  return why;
}

async function prove(source: ModelSource, model: HailoModel, link: Link): Promise<void> {
  const run = (input: Float32Array): Promise<Inference> => model.runOn(link, input);
  try {
    await source.prove?.(run);
  } catch (cause) {
    throw new SidecarError('BACKEND_UNAVAILABLE', `The golden windows fail on the device: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** Why it is not worth while to start a device host; one sentence with what to do, or null. */
export function whyNoDevice(root?: string): string | null {
  const [first] = detectDevices(root);
  if (first === undefined) {
    return 'There is no Hailo device: neither a node /dev/hailo0 nor the driver. Install the chip and its driver, or set backend.kind to auto or cpu.';
  }
  if (first.node === null) {
    return `The driver has a Hailo device (${first.name}), but /dev/${first.name} is missing: reload the driver or reboot.`;
  }
  if (!first.isAccessible) {
    return `There is a Hailo device (${first.node}), but this user may not open it: add the user to the group that ls -l ${first.node} shows, or install the udev rule of this package.`;
  }
  return null;
}
