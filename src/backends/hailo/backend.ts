import type { Backend, Inference, LoadedModel, ModelSource, VerifiedArtefact } from '../../core/backend.ts';
import { messageOf, SidecarError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { type DetectedDevice, detectDevices, incarnation } from './detect.ts';
import { createDevice, type DeviceParts, type ServedDevice } from './device.ts';
import type { HeatLimits } from './heat.ts';
import type { Link, StartHost } from './link.ts';
import type { Step } from './messages.ts';
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
  /** Only a new process can open the device, see detect.ts; `node` tells this node from one made later. */
  readonly onStale?: (why: string, node: string) => void;
  /** Where /sys and /dev are; / but in tests. */
  readonly root?: string;
  readonly retryDelayMs?: (attempt: number) => number;
  readonly measureMs?: number;
  /** A step of an opening is done, and what it found; see messages.ts. */
  readonly onStep?: (step: Step, text: string) => void;
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
    degraded: () => device().degraded(),
    demote: (reason: string) => device().demote(reason),
    close: () => device().close(),
  };
}

function toDeviceParts(
  { settings, startHost, log, onChange, onStale, root, retryDelayMs, measureMs, onStep }: HailoBackendParts,
  source: ModelSource,
  hef: VerifiedArtefact,
): Omit<DeviceParts, 'prove'> {
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

function nameOf(deviceId: string | null, root: string | undefined): string {
  if (deviceId === null) return detectDevices(root)[0]?.name ?? 'hailo0';
  return /^\d+$/.test(deviceId) ? `hailo${deviceId}` : deviceId;
}

function whyNotNow(
  root: string | undefined,
  deviceId: string | null,
  onStale: HailoBackendParts['onStale'],
): string | null {
  const why = whyNoDevice(root, deviceId);
  const stale = chosenDevice(root, deviceId);
  if (why === null || !stale?.isStale) return why;
  onStale?.(why, incarnation(stale, root));
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

/** The node that a device id means, as far as that can be told without the library; the first one otherwise. */
function chosenDevice(root: string | undefined, deviceId: string | null): DetectedDevice | undefined {
  const devices = detectDevices(root);
  const name = deviceId !== null && /^\d+$/.test(deviceId) ? `hailo${deviceId}` : deviceId;
  return devices.find((device) => device.name === name) ?? devices[0];
}

/** Why it is not worth while to start a device host; one sentence with what to do, or null. */
export function whyNoDevice(root?: string, deviceId: string | null = null): string | null {
  const first = chosenDevice(root, deviceId);
  if (first === undefined) {
    return 'There is no Hailo device: neither a node /dev/hailo0 nor the driver. Install the chip and its driver, or set backend.kind to auto or cpu.';
  }
  if (first.node === null) {
    return `The driver has a Hailo device (${first.name}), but /dev/${first.name} is missing: reload the driver or reboot.`;
  }
  if (first.isStale) {
    return `${first.node} is there, but the service may not open it: the driver was loaded after the service started, which systemctl restart hailo-tcn-sidecar cures, or its unit has no DeviceAllow= for it.`;
  }
  if (!first.isAccessible) {
    return `There is a Hailo device (${first.node}), but this user may not open it: add the user to the group that ls -l ${first.node} shows, or install the udev rule of this package.`;
  }
  return null;
}
