import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type HailoSettings, whyNoDevice } from './backends/hailo/backend.ts';
import { type DetectedDevice, detectDevices, driverVersion } from './backends/hailo/detect.ts';
import type { StartHost } from './backends/hailo/link.ts';
import type { Check, Finding } from './cli/doctor.ts';
import { STAGES, type Walk, walkDevice } from './doctor-walk.ts';
import type { Bundle } from './models/bundle.ts';

export interface DeviceCheckParts {
  /** What is asked for: a missing chip is wrong only where one is demanded. */
  kind(): string;
  settings(): HailoSettings;
  bundle(): Promise<Bundle>;
  /** What the device is called by a daemon that runs and has it; null when none has. */
  servedBy(): Promise<string | null>;
  readonly startHost: StartHost;
  /** Where /sys, /dev and /proc are; / but in tests. */
  readonly root?: string;
}

/** From the driver up to golden windows on the device; the opening is shown step by step. */
export function deviceChecks(parts: DeviceCheckParts): Check[] {
  const devices = detectDevices(parts.root);
  const [device] = devices;
  const driver: Check = { name: 'Hailo driver', run: () => checkDriver(parts, devices) };
  if (device === undefined) return [driver];
  return [
    driver,
    { name: 'device node', run: () => checkNode(parts, device) },
    { name: 'permission', run: () => checkPermission(parts, device) },
    ...(device.isAccessible ? walkChecks(parts, device) : []),
  ];
}

/** One opening, shown in as many checks as it has stages. */
function walkChecks(parts: DeviceCheckParts, device: DetectedDevice): Check[] {
  let walk: ReturnType<typeof walkDevice> | null = null;
  const walkOnce = async () => {
    if (parts.kind() === 'cpu') return { device: { state: 'ok', text: 'left alone: backend.kind is cpu' } } as const;
    const served = await parts.servedBy();
    if (served !== null) return { device: { state: 'ok', text: `in use by the running daemon: ${served}` } } as const;
    const bundle = await parts.bundle();
    walk ??= walkDevice({ ...parts, device, bundle, settings: parts.settings(), severity: severity(parts) });
    return walk;
  };
  const skipped = { state: 'skipped', text: 'not reached' } as const;
  return (Object.keys(STAGES) as (keyof typeof STAGES)[]).map((name) => ({
    name,
    run: async () => ((await walkOnce()) as Walk)[name] ?? skipped,
  }));
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
  if (device.node === null)
    return { state: severity(parts), text: `${device.name} has none`, fix: whyNoDevice(parts.root) ?? '' };
  const { mode, uid, gid } = statSync(join(parts.root ?? '/', device.node));
  return { state: 'ok', text: `${device.node}, mode ${(mode & 0o777).toString(8)}, owner ${uid}:${gid}` };
}

function checkPermission(parts: DeviceCheckParts, device: DetectedDevice): Finding {
  if (device.node === null) return { state: 'skipped', text: 'not reached' };
  const why = whyNoDevice(parts.root);
  if (why === null) return { state: 'ok', text: 'this user may open it' };
  return { state: severity(parts), text: 'this user may not open it', fix: why };
}
