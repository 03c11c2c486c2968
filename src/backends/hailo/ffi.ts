import { messageOf, SidecarError } from '../../core/errors.ts';

/** A pointer that the library gave; never looked into. */
export type Handle = unknown;
type Koffi = typeof import('koffi').default;
type Status = number;

/** C prototypes by name, structs as raw bytes: their layout is abi.ts's business. All return hailo_status. */
const PROTOTYPES = {
  hailo_get_library_version: 'void *',
  hailo_scan_devices: 'void *, void *, _Inout_ size_t *',
  hailo_init_vdevice_params: 'void *',
  hailo_create_vdevice: 'void *, _Out_ void **',
  hailo_release_vdevice: 'void *',
  hailo_get_physical_devices: 'void *, _Out_ void **, _Inout_ size_t *',
  hailo_identify: 'void *, void *',
  hailo_get_chip_temperature: 'void *, void *',
  hailo_get_extended_device_information: 'void *, void *',
  hailo_power_measurement: 'void *, int, int, void *',
  hailo_set_notification_callback: 'void *, void *, int, void *',
  hailo_remove_notification_callback: 'void *, int',
  hailo_create_hef_buffer: '_Out_ void **, void *, size_t',
  hailo_release_hef: 'void *',
  hailo_hef_get_all_vstream_infos: 'void *, const char *, void *, _Inout_ size_t *',
  hailo_init_configure_params_by_vdevice: 'void *, void *, void *',
  hailo_configure_vdevice: 'void *, void *, void *, _Out_ void **, _Inout_ size_t *',
  hailo_make_input_vstream_params: 'void *, bool, int, void *, _Inout_ size_t *',
  hailo_make_output_vstream_params: 'void *, bool, int, void *, _Inout_ size_t *',
  hailo_create_input_vstreams: 'void *, void *, size_t, _Out_ void **',
  hailo_create_output_vstreams: 'void *, void *, size_t, _Out_ void **',
  hailo_get_input_vstream_frame_size: 'void *, _Out_ size_t *',
  hailo_get_output_vstream_frame_size: 'void *, _Out_ size_t *',
  hailo_vstream_write_raw_buffer: 'void *, void *, size_t',
  hailo_vstream_read_raw_buffer: 'void *, void *, size_t',
  hailo_shutdown_network_group: 'void *',
  hailo_release_input_vstreams: 'void **, size_t',
  hailo_release_output_vstreams: 'void **, size_t',
} as const;

export type CallName = keyof typeof PROTOTYPES;

/** The library as it is: every call gives its status. */
export interface Ffi {
  /** Where it was found. */
  readonly path: string;
  /** On the calling thread: for calls that do not wait for the device. */
  call(name: CallName, ...args: unknown[]): Status;
  /** On a thread of the pool: for calls that wait. What is handed in lives until it has ended. */
  wait(name: CallName, ...args: unknown[]): Promise<Status>;
  /** Address of a buffer that must stay alive as long as the library may read it. */
  addressOf(buffer: Uint8Array): bigint;
  /** A C function that the library may call from a thread of its own, for as long as this process lives. */
  callback(listener: () => void): Handle;
}

type NativeFunction = ((...args: unknown[]) => Status) & { async: (...args: unknown[]) => void };

/** libhailort hashes .hef files through a chunk of 256 KiB on the stack; koffi's threads have 128 KiB otherwise. */
const STACK_BYTES = 1 << 20;

/**
 * Loads the first candidate that the loader finds.
 *
 * The library reads its settings when it is loaded: process.env must have them before.
 *
 * @throws SidecarError BACKEND_UNAVAILABLE with what was tried, or with the function that is missing
 */
export async function openFfi(candidates: readonly string[]): Promise<Ffi> {
  const koffi = await loadKoffi();
  const { library, path } = loadFirst(koffi, candidates);
  const notification = koffi.proto('void HailoNotification(void *device, const void *notification, void *opaque)');
  const functions = new Map<CallName, NativeFunction>();
  const find = (name: CallName) => {
    const known = functions.get(name) ?? bind(library, name, path);
    functions.set(name, known);
    return known;
  };
  return {
    path,
    call: (name, ...args) => find(name)(...args),
    wait: (name, ...args) =>
      new Promise((resolve, reject) => {
        find(name).async(...args, (error: Error | null, status: Status) => (error ? reject(error) : resolve(status)));
      }),
    addressOf: (buffer) => koffi.address(buffer),
    callback: (listener) => koffi.register(listener, koffi.pointer(notification)),
  };
}

let isConfigured = false;

/** Its settings hold for all libraries, and must be made before the first. */
async function loadKoffi(): Promise<Koffi> {
  const { default: koffi } = await import('koffi');
  if (!isConfigured) koffi.config({ async_stack_size: STACK_BYTES });
  isConfigured = true;
  return koffi;
}

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

/** Linux ends this process when its parent ends, however that happens, also while it hangs in a call. */
export async function dieWithParent(): Promise<void> {
  const koffi = await loadKoffi();
  const prctl = koffi.load('libc.so.6').func('int prctl(int option, unsigned long signal)');
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) !== 0) throw new SidecarError('INTERNAL', 'prctl(PR_SET_PDEATHSIG) failed.');
}

type Library = ReturnType<Koffi['load']>;

function loadFirst(koffi: Koffi, candidates: readonly string[]): { library: Library; path: string } {
  const reasons: string[] = [];
  for (const path of candidates) {
    try {
      return { library: koffi.load(path), path };
    } catch (thrown) {
      reasons.push(`${path}: ${messageOf(thrown)}`);
    }
  }
  throw new SidecarError(
    'BACKEND_UNAVAILABLE',
    `libhailort cannot be loaded (${reasons.join('; ')}): install the package hailort (on Raspberry Pi OS: hailo-all), or correct backend.hailo.library.`,
  );
}

function bind(library: Library, name: CallName, path: string): NativeFunction {
  try {
    return library.func(`int ${name}(${PROTOTYPES[name]})`) as unknown as NativeFunction;
  } catch (cause) {
    throw new SidecarError(
      'BACKEND_UNAVAILABLE',
      `${path} has no function ${name}: it is no libhailort of 4.17 or newer. Install the package hailort again.`,
      { cause },
    );
  }
}
