import { type DetectedDevice, detectDevices, incarnation } from './detect.ts';

/** As a person names the device, e.g. hailo0. */
export function nameOf(deviceId: string | null, root: string | undefined): string {
  if (deviceId === null) return detectDevices(root)[0]?.name ?? 'hailo0';
  return /^\d+$/.test(deviceId) ? `hailo${deviceId}` : deviceId;
}

/** As whyNoDevice; tells `onStale` when only a new process can open the device. */
export function whyNotNow(
  root: string | undefined,
  deviceId: string | null,
  onStale: ((why: string, node: string) => void) | undefined,
): string | null {
  const why = whyNoDevice(root, deviceId);
  const stale = chosenDevice(root, deviceId);
  if (why === null || !stale?.isStale) return why;
  onStale?.(why, incarnation(stale, root));
  return why;
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
