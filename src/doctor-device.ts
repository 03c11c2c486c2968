import { statSync } from 'node:fs';
import { join } from 'node:path';
import { createHailoBackend, type HailoSettings, whyNoDevice, whyNoHef } from './backends/hailo/backend.ts';
import { type DetectedDevice, detectDevices, driverVersion } from './backends/hailo/detect.ts';
import { holdersOf } from './backends/hailo/holders.ts';
import type { StartHost } from './backends/hailo/link.ts';
import type { Check, Finding } from './cli/doctor.ts';
import type { LoadedModel } from './core/backend.ts';
import { artefactOf, type Bundle } from './models/bundle.ts';
import { checkGolden } from './models/golden.ts';
import { toSource } from './models/open.ts';
import { taskOf } from './parts.ts';

export interface DeviceCheckParts {
  /** What is asked for: a missing chip is wrong only where one is demanded. */
  kind(): string;
  settings(): HailoSettings;
  bundle(): Promise<Bundle>;
  readonly startHost: StartHost;
  /** Where /sys, /dev and /proc are; / but in tests. */
  readonly root?: string;
}

const WINDOWS = 200;

/** From the driver up to golden windows on the device; each step only where the one before it makes sense. */
export function deviceChecks(parts: DeviceCheckParts): Check[] {
  const devices = detectDevices(parts.root);
  const [first] = devices;
  const checks: Check[] = [{ name: 'Hailo driver', run: () => checkDriver(parts, devices) }];
  if (first === undefined) return checks;
  checks.push({ name: 'device node', run: () => checkNode(parts, first) });
  if (first.isAccessible) checks.push({ name: 'model on the device', run: () => checkOnDevice(parts, first) });
  return checks;
}

/** Where the CPU may do the work instead, a device that does not is a warning. */
function severity(parts: DeviceCheckParts): 'failed' | 'warning' {
  return parts.kind() === 'hailo' ? 'failed' : 'warning';
}

function checkDriver(parts: DeviceCheckParts, devices: readonly DetectedDevice[]): Finding {
  const version = driverVersion(parts.root);
  if (devices.length > 0) {
    const names = devices.map(({ name }) => name).join(', ');
    return { state: 'ok', text: `${version ?? 'version not told'}, has ${names}` };
  }
  if (parts.kind() !== 'hailo') return { state: 'ok', text: `no chip (${version ?? 'no driver'}); the CPU is used` };
  return {
    state: 'failed',
    text: version === null ? 'not loaded' : `${version}, but it has found no chip`,
    fix: whyNoDevice(parts.root) ?? '',
  };
}

function checkNode(parts: DeviceCheckParts, device: DetectedDevice): Finding {
  const why = whyNoDevice(parts.root);
  if (device.node === null || why !== null)
    return { state: severity(parts), text: `${device.name} cannot be used`, fix: why ?? '' };
  const { mode, uid, gid } = statSync(join(parts.root ?? '/', device.node));
  return {
    state: 'ok',
    text: `${device.node}, mode ${(mode & 0o777).toString(8)}, owner ${uid}:${gid}, this user may open it`,
  };
}

/** Library, versions, firmware, device, .hef and parity are one path: the first that is wrong says so with its remedy. */
async function checkOnDevice(parts: DeviceCheckParts, device: DetectedDevice): Promise<Finding> {
  const bundle = await parts.bundle();
  const id = `${bundle.manifest.name}@${bundle.manifest.version}`;
  if (artefactOf(bundle, 'hef') === null) return { state: severity(parts), text: 'not tried', fix: whyNoHef(id) };
  const nothing = () => {};
  const backend = createHailoBackend({
    ...parts,
    settings: parts.settings(),
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    retryDelayMs: () => 2 ** 31 - 1,
  });
  try {
    const model = await backend.load(toSource(bundle));
    const { available, reason, device: name } = backend.state();
    if (!available) return { state: severity(parts), text: 'does not serve', fix: `${reason}${held(parts, device)}` };
    return await prove(bundle, model, name);
  } finally {
    await backend.close();
  }
}

function held(parts: DeviceCheckParts, device: DetectedDevice): string {
  const holders =
    device.node === null ? [] : holdersOf(device.node, parts.root).filter(({ pid }) => pid !== process.pid);
  if (holders.length === 0) return '';
  return ` ${device.node} is open in: ${holders.map(({ name, pid }) => `${name} (pid ${pid})`).join(', ')}.`;
}

async function prove(bundle: Bundle, model: LoadedModel, name: string): Promise<Finding> {
  const { manifest, golden } = bundle;
  const prepare = taskOf(manifest).prepare(manifest);
  const figures = await checkGolden({ model, manifest, golden, prepare });
  const window = prepare(Float32Array.from(golden.windows[0]?.x.flat() ?? []));
  const startAt = performance.now();
  await Promise.all(Array.from({ length: WINDOWS }, () => model.run(window)));
  const perSecond = WINDOWS / ((performance.now() - startAt) / 1000);
  const parity = `${figures.windows} golden windows pass, cosine ${figures.cosine.toFixed(5)}`;
  return {
    state: 'ok',
    text: `${name}; ${parity}, ${figures.medianMs.toFixed(2)} ms each, ${Math.round(perSecond)}/s`,
  };
}
