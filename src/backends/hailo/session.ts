import { SidecarError } from '../../core/errors.ts';
import { type Abi, abiOf, CONFIGURE_PARAMS, type LibraryVersion } from './abi.ts';
import { check, first } from './calls.ts';
import type { Ffi, Handle } from './ffi.ts';
import type { Step } from './messages.ts';
import { MAX_VSTREAMS, openVstreams, readerOf, write } from './streams.ts';
import {
  type DeviceEvent,
  type DeviceIdentity,
  listenForEvents,
  openVdevice,
  readClock,
  readIdentity,
  readPower,
  readTemperatures,
  type VdeviceOptions,
} from './vdevice.ts';
import { type Crossing, type CrossingSource, decodeVstreamInfos, planCrossing, showCrossing } from './vstreams.ts';

/** What a session is opened with. */
export interface SessionOptions extends VdeviceOptions {
  /** Verified; the library may read it until the session is closed. */
  readonly hef: Buffer;
  readonly source: CrossingSource;
  /** The chip reported something by itself. */
  onEvent(event: DeviceEvent): void;
  /** A step of the opening is done; what it found. */
  onStep(step: Step, text: string): void;
  readonly timeoutMs: number;
  readonly batchSize: number;
}

/** A network that is configured on the device, with its vstreams open. */
export interface Session {
  readonly identity: DeviceIdentity;
  readonly crossing: Crossing;
  /** Gives a frame to the device; waits on this thread when its queue is full, so the caller keeps it from that. */
  write(frame: Uint8Array): void;
  /** The next frame of every output, in the order of crossing.outputs: frames come in the order of their writes. */
  read(): Promise<Buffer[]>;
  /** Celsius, one per sensor; watts; hertz. Control messages: they do not wait for windows. */
  temperatures(): Promise<number[]>;
  clock(): Promise<number>;
  power(): Promise<number>;
  /** Releases everything in the order that the library wants. Never throws: what cannot be released ends with the process. */
  close(): Promise<void>;
}

export function libraryVersion(ffi: Ffi): LibraryVersion {
  const bytes = Buffer.alloc(12);
  check('hailo_get_library_version', ffi.call('hailo_get_library_version', bytes));
  return { major: bytes.readUInt32LE(0), minor: bytes.readUInt32LE(4), revision: bytes.readUInt32LE(8) };
}

/**
 * vdevice → .hef → network group → vstreams. What was opened before a step that fails is released again.
 *
 * @throws HailoError, SidecarError MODEL_INVALID (the .hef is not what the manifest says), BACKEND_UNAVAILABLE
 */
export async function openSession(ffi: Ffi, options: SessionOptions): Promise<Session> {
  const undo: (() => unknown)[] = [];
  let closing: Promise<void> | null = null;
  const release = async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) {
      await Promise.resolve(step()).catch(() => {}); // the next ones are still to be released
    }
  };
  const close = () => {
    closing ??= release();
    return closing;
  };
  try {
    return { ...(await openSteps(ffi, options, (step) => void undo.push(step))), close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

async function openSteps(
  ffi: Ffi,
  options: SessionOptions,
  onClose: (step: () => unknown) => void,
): Promise<Omit<Session, 'close'>> {
  const abi = abiOf(libraryVersion(ffi));
  const hef = first((out) =>
    check('hailo_create_hef_buffer', ffi.call('hailo_create_hef_buffer', out, options.hef, options.hef.length)),
  );
  const releaseHef = once(() => ffi.call('hailo_release_hef', hef));
  onClose(releaseHef);
  const crossing = planCrossing(options.source, readInfos(ffi, hef, abi)); // before the device is touched
  options.onStep('hef', showCrossing(crossing));
  const vdevice = await openVdevice(ffi, options, onClose);
  onClose(releaseHef); // the library wants it back before the vdevice
  const identity = readIdentity(ffi, vdevice);
  options.onStep(
    'device',
    `${identity.architecture}, ${identity.product || identity.board}, serial number ${identity.serial}`,
  );
  options.onStep('firmware', identity.firmware);
  listenForEvents(ffi, vdevice, options.onEvent, onClose);
  const group = await configure(ffi, { vdevice, hef, abi, batchSize: options.batchSize });
  const outputs = openVstreams(ffi, group, 'output', options);
  onClose(() => ffi.wait('hailo_release_output_vstreams', outputs.handles, outputs.handles.length));
  const inputs = openVstreams(ffi, group, 'input', options);
  onClose(() => ffi.wait('hailo_release_input_vstreams', inputs.handles, inputs.handles.length));
  const reads = new Set<Promise<unknown>>();
  const questions = new Set<Promise<unknown>>();
  let isClosing = false;
  onClose(async () => {
    isClosing = true;
    await Promise.allSettled(questions);
    ffi.call('hailo_shutdown_network_group', group); // first: else each frame in flight waits for its timeout
    await Promise.allSettled(reads); // a vstream must not be released under a call
  });
  /** A device must not be asked while it is released, either. */
  const ask = async <T>(call: () => Promise<T>): Promise<T> => {
    if (isClosing) throw new SidecarError('BACKEND_UNAVAILABLE', 'The session is being closed.');
    return tracked(questions, call());
  };
  options.onStep('network', 'configured, its vstreams are open');
  const [input] = inputs.handles;
  const [longest, ...others] = crossing.outputs.map(({ name }) => readerOf(ffi, outputs, name));
  return {
    identity,
    crossing,
    write: (frame) => write(ffi, input, frame),
    read: async () => [await tracked(reads, longest!.wait()), ...others.map((reader) => reader.take())],
    temperatures: () => ask(() => readTemperatures(ffi, vdevice)),
    power: () => ask(() => readPower(ffi, vdevice)),
    clock: () => ask(() => readClock(ffi, vdevice, abi)),
  };
}

function tracked<T>(calls: Set<Promise<unknown>>, call: Promise<T>): Promise<T> {
  calls.add(call);
  return call.finally(() => calls.delete(call));
}

function once(step: () => unknown): () => void {
  let isDone = false;
  return () => {
    if (!isDone) step();
    isDone = true;
  };
}

function readInfos(ffi: Ffi, hef: Handle, abi: Abi) {
  const bytes = Buffer.alloc(MAX_VSTREAMS * abi.vstreamInfoBytes);
  const count = [MAX_VSTREAMS];
  const call = 'hailo_hef_get_all_vstream_infos';
  check(call, ffi.call(call, hef, null, bytes, count));
  return decodeVstreamInfos(bytes, count[0] ?? 0, abi);
}

interface ConfigureParts {
  readonly vdevice: Handle;
  readonly hef: Handle;
  readonly abi: Abi;
  readonly batchSize: number;
}

/** Groups live as long as their vdevice: there is no call that releases one. */
async function configure(ffi: Ffi, { vdevice, hef, abi, batchSize }: ConfigureParts): Promise<Handle> {
  let params: Buffer | null = null;
  if (batchSize > 1) {
    params = Buffer.alloc(abi.configureParamsBytes);
    const call = 'hailo_init_configure_params_by_vdevice';
    check(call, ffi.call(call, hef, vdevice, params));
    params.writeUInt16LE(batchSize, CONFIGURE_PARAMS.batchAt);
  }
  const out: Handle[] = [null];
  check('hailo_configure_vdevice', await ffi.wait('hailo_configure_vdevice', vdevice, hef, params, out, [1]));
  return out[0];
}
