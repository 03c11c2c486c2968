import { FLOAT32, VSTREAM_PARAMS } from './abi.ts';
import { check } from './calls.ts';
import type { Ffi, Handle } from './ffi.ts';
import { textOf } from './vstreams.ts';

/** More than any library opens. */
export const MAX_VSTREAMS = 40;
/** Frames that fit between us and the device; more than the pipeline gives it, so that no write waits. */
const QUEUE = 8;

export interface VstreamOptions {
  readonly timeoutMs: number;
  readonly batchSize: number;
}

/** Opened vstreams of one direction, in the library's order. */
export interface Vstreams {
  readonly names: readonly string[];
  readonly handles: Handle[];
}

/** All of one direction at once, as the library wants it, with float32 on our side and our own timeout. */
export function openVstreams(
  ffi: Ffi,
  group: Handle,
  direction: 'input' | 'output',
  options: VstreamOptions,
): Vstreams {
  const params = Buffer.alloc(MAX_VSTREAMS * VSTREAM_PARAMS.bytes);
  const count = [MAX_VSTREAMS];
  const make = `hailo_make_${direction}_vstream_params` as const;
  check(make, ffi.call(make, group, false, FLOAT32, params, count));
  const number = count[0] ?? 0;
  const names: string[] = [];
  for (let i = 0; i < number; i++) {
    const at = i * VSTREAM_PARAMS.bytes;
    names.push(textOf(params, at, 128));
    params.writeUInt32LE(options.timeoutMs, at + VSTREAM_PARAMS.timeoutAt);
    params.writeUInt32LE(Math.max(QUEUE, 2 * options.batchSize), at + VSTREAM_PARAMS.queueAt);
  }
  const handles: Handle[] = new Array(number).fill(null);
  const create = `hailo_create_${direction}_vstreams` as const;
  check(create, ffi.call(create, group, params, number, handles));
  return { names, handles };
}

/**
 * On this thread: room in the queue is the usual case, and a hop to another thread costs more than the call. A write that
 * waits for a device that hangs holds up this process alone, and that is what it is for.
 */
export function write(ffi: Ffi, input: Handle, frame: Uint8Array): void {
  const call = 'hailo_vstream_write_raw_buffer';
  check(call, ffi.call(call, input, frame, frame.length));
}

export interface Reader {
  /** Waits on another thread. */
  wait(): Promise<Buffer>;
  /** On this thread, for outputs that are there already. */
  take(): Buffer;
}

export function readerOf(ffi: Ffi, outputs: Vstreams, name: string): Reader {
  const handle = outputs.handles[outputs.names.indexOf(name)];
  const size = [0];
  const sizeCall = 'hailo_get_output_vstream_frame_size';
  check(sizeCall, ffi.call(sizeCall, handle, size));
  const frame = Buffer.alloc(size[0] ?? 0);
  const call = 'hailo_vstream_read_raw_buffer';
  const done = (status: number) => {
    check(call, status);
    return frame;
  };
  return {
    wait: async () => done(await ffi.wait(call, handle, frame, frame.length)),
    take: () => done(ffi.call(call, handle, frame, frame.length)),
  };
}
