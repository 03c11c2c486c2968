import { SidecarError } from '../../core/errors.ts';
import { type Abi, architectureName, DEVICE_ID_BYTES, IDENTITY, TEMPERATURE, VDEVICE_PARAMS } from './abi.ts';
import { check, first } from './calls.ts';
import { pcieAddress } from './detect.ts';
import type { Ffi, Handle } from './ffi.ts';
import { textOf } from './vstreams.ts';

export interface VdeviceOptions {
  /** N, hailoN or a PCIe address; null: the first. */
  readonly deviceId: string | null;
  readonly multiProcessService: boolean;
}

/** The chip, as it names itself. */
export interface DeviceIdentity {
  readonly architecture: string;
  readonly firmware: string;
  readonly board: string;
  readonly product: string;
  readonly serial: string;
}

/** The struct is kept with its pointers, so what they point to lives until the vdevice is released. */
export async function openVdevice(
  ffi: Ffi,
  options: VdeviceOptions,
  onClose: (step: () => unknown) => void,
): Promise<Handle> {
  const params = Buffer.alloc(VDEVICE_PARAMS.bytes);
  check('hailo_init_vdevice_params', ffi.call('hailo_init_vdevice_params', params));
  const id = Buffer.alloc(DEVICE_ID_BYTES);
  if (options.deviceId !== null) {
    id.write(resolveDeviceId(ffi, options.deviceId), 'latin1');
    params.writeUInt32LE(1, VDEVICE_PARAMS.count);
    params.writeBigUInt64LE(ffi.addressOf(id), VDEVICE_PARAMS.ids);
  }
  params.writeUInt8(options.multiProcessService ? 1 : 0, VDEVICE_PARAMS.service);
  const out: Handle[] = [null];
  const status = await ffi.wait('hailo_create_vdevice', params, out);
  if (status === INVALID_ARGUMENT && options.deviceId !== null) throw unknownDevice(options.deviceId, scan(ffi));
  check('hailo_create_vdevice', status);
  const kept = { params, id };
  onClose(() => ffi.wait('hailo_release_vdevice', out[0]).then(() => kept));
  return out[0];
}

/** N and hailoN are the chip behind that node, or the N-th that a scan lists where the driver does not tell; anything else is an id of the library, a PCIe address. */
function resolveDeviceId(ffi: Ffi, given: string): string {
  const index = /^(?:hailo)?(\d+)$/.exec(given)?.[1];
  if (index === undefined) return given.includes(':') && given.split(':').length === 2 ? `0000:${given}` : given;
  const found = scan(ffi);
  const id = pcieAddress(`hailo${index}`) ?? found[Number(index)];
  if (id !== undefined) return id;
  throw unknownDevice(given, found);
}

const INVALID_ARGUMENT = 2;

function unknownDevice(given: string, found: readonly string[]): SidecarError {
  const sentence = `backend.hailo.device_id is ${given}, but there are these devices: ${found.join(', ') || 'none'}.`;
  return new SidecarError('BACKEND_UNAVAILABLE', sentence);
}

function scan(ffi: Ffi): string[] {
  const ids = Buffer.alloc(32 * DEVICE_ID_BYTES);
  const count = [32];
  check('hailo_scan_devices', ffi.call('hailo_scan_devices', null, ids, count));
  return Array.from({ length: count[0] ?? 0 }, (_, i) => textOf(ids, i * DEVICE_ID_BYTES, DEVICE_ID_BYTES));
}

/** The library picks the sensor and its kind. */
const AUTO = 2_147_483_647;

/** The vdevice's own handle: never to be released by hailo_release_device. */
function deviceOf(ffi: Ffi, vdevice: Handle): Handle {
  return first((out) => check('hailo_get_physical_devices', ffi.call('hailo_get_physical_devices', vdevice, out, [1])));
}

export function readIdentity(ffi: Ffi, vdevice: Handle): DeviceIdentity {
  const bytes = Buffer.alloc(IDENTITY.bytes + 64);
  check('hailo_identify', ffi.call('hailo_identify', deviceOf(ffi, vdevice), bytes));
  const version = [0, 4, 8].map((at) => bytes.readUInt32LE(IDENTITY.firmware + at));
  return {
    architecture: architectureName(bytes.readInt32LE(IDENTITY.archAt)),
    firmware: version.join('.'),
    board: countedText(bytes, IDENTITY.boardAt),
    serial: countedText(bytes, IDENTITY.serialAt),
    product: countedText(bytes, IDENTITY.productAt),
  };
}

const countedText = (bytes: Buffer, at: number) => textOf(bytes, at + 1, bytes.readUInt8(at)).trim();

/** Celsius of both sensors. */
export async function readTemperatures(ffi: Ffi, vdevice: Handle): Promise<number[]> {
  const bytes = Buffer.alloc(TEMPERATURE.bytes);
  const call = 'hailo_get_chip_temperature';
  check(call, await ffi.wait(call, deviceOf(ffi, vdevice), bytes));
  return [bytes.readFloatLE(TEMPERATURE.ts0), bytes.readFloatLE(TEMPERATURE.ts1)];
}

/** Hertz of the core that computes networks. */
export async function readClock(ffi: Ffi, vdevice: Handle, abi: Abi): Promise<number> {
  const bytes = Buffer.alloc(abi.extendedInfoBytes);
  const call = 'hailo_get_extended_device_information';
  check(call, await ffi.wait(call, deviceOf(ffi, vdevice), bytes));
  return bytes.readUInt32LE(0);
}

/** hailo_notification_id → what happened, for a person. */
const EVENTS = { 1: 'temperature alarm', 2: 'data flow shut down', 3: 'overcurrent', 10: 'clock change' } as const;
export type DeviceEvent = (typeof EVENTS)[keyof typeof EVENTS];

/** Hears what the chip reports by itself; a kind that the chip does not know is left out. */
export function listenForEvents(
  ffi: Ffi,
  vdevice: Handle,
  heard: (event: DeviceEvent) => void,
  onClose: (step: () => unknown) => void,
): void {
  const device = deviceOf(ffi, vdevice);
  for (const [key, event] of Object.entries(EVENTS)) {
    const id = Number(key);
    const listener = ffi.callback(() => heard(event));
    if (ffi.call('hailo_set_notification_callback', device, listener, id, null) !== 0) continue;
    onClose(() => ffi.call('hailo_remove_notification_callback', device, id));
  }
}

/** Watts; only boards with a sensor can tell. */
export async function readPower(ffi: Ffi, vdevice: Handle): Promise<number> {
  const bytes = Buffer.alloc(4);
  const call = 'hailo_power_measurement';
  check(call, await ffi.wait(call, deviceOf(ffi, vdevice), AUTO, AUTO, bytes));
  return bytes.readFloatLE(0);
}
