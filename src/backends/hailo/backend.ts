import type { Backend } from '../../core/backend.ts';
import { SidecarError } from '../../core/errors.ts';
import { type DetectedDevice, detectDevices } from './detect.ts';

/**
 * The device backend as far as this version goes: it sees the chip but cannot drive it, and says which of the two is
 * the matter. It never computes anything.
 */
export function createHailoBackend(root?: string): Backend {
  const reason = whyUnavailable(detectDevices(root));
  return {
    kind: 'hailo',
    state: () => ({ kind: 'hailo', available: false, reason, device: 'none', degraded: null }),
    load: async () => {
      throw new SidecarError('BACKEND_UNAVAILABLE', reason);
    },
    close: async () => {},
  };
}

/** One sentence for a person: what is there, and what to do. */
export function whyUnavailable(devices: readonly DetectedDevice[]): string {
  const [first] = devices;
  if (first === undefined) {
    return 'There is no Hailo device: neither a node /dev/hailo0 nor the driver. Install the chip and its driver, or set backend.kind to auto or cpu.';
  }
  if (first.node === null) {
    return `The driver has a Hailo device (${first.name}), but /dev/${first.name} is missing; and this version cannot drive it yet. Set backend.kind to auto or cpu.`;
  }
  if (!first.isAccessible) {
    return `There is a Hailo device (${first.node}), but this user may not open it, and this version cannot drive it yet. Set backend.kind to auto or cpu.`;
  }
  return `There is a Hailo device (${first.node}), but this version cannot drive it yet. Set backend.kind to auto or cpu.`;
}
