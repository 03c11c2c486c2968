import type { Library } from './library.ts';

/** A configured network with one input and one float32 output, opened step by step. */
export interface Session {
  readonly vdevice: unknown;
  readonly group: unknown;
  readonly input: unknown;
  readonly output: unknown;
  readonly outputBytes: number;
  release(): number[];
}

const FLOAT32 = 3;

/** Throws with the name of the step that gave another status than 0. */
export function openSession(
  library: Library,
  hef: Buffer,
  timeoutMs = 1000,
  settings: { hasScheduler?: boolean } = {},
): Session {
  const params = Buffer.alloc(40);
  good(library, 'init_vdevice_params', library.initVdeviceParams(params));
  if (settings.hasScheduler === false) params.writeInt32LE(0, 16);
  const vdevice = first((out) => good(library, 'create_vdevice', library.createVdevice(params, out)));
  const hefHandle = first((out) => good(library, 'create_hef_buffer', library.hefBuffer(out, hef, hef.length)));
  const group = first((out) => good(library, 'configure', library.configure(vdevice, hefHandle, null, out, [1])));
  const input = openVstream(library, group, timeoutMs, library.inputParams, library.createInputs);
  const output = openVstream(library, group, timeoutMs, library.outputParams, library.createOutputs);
  const size = [0];
  good(library, 'frame_size', library.frameSize(output, size));
  const release = () => [
    library.shutdown(group),
    library.releaseInputs([input], 1),
    library.releaseOutputs([output], 1),
    library.releaseHef(hefHandle),
    library.releaseVdevice(vdevice),
  ];
  return { vdevice, group, input, output, outputBytes: size[0]!, release };
}

export function first(step: (out: unknown[]) => void): unknown {
  const out: unknown[] = [null];
  step(out);
  return out[0];
}

/** Writes a float32 window and reads its answer; the first status that is not 0 instead. */
export async function runWindow(
  library: Library,
  session: Session,
  window: Float32Array,
): Promise<Float32Array | number> {
  const written = await library.write(session.input, bytesOf(window), window.byteLength);
  if (written !== 0) return written;
  const answer = Buffer.alloc(session.outputBytes);
  const status = await library.read(session.output, answer, answer.length);
  return status === 0 ? new Float32Array(answer.buffer, answer.byteOffset, answer.length / 4).slice() : status;
}

export const bytesOf = (window: Float32Array) => Buffer.from(window.buffer, window.byteOffset, window.byteLength);

function openVstream(
  library: Library,
  group: unknown,
  timeoutMs: number,
  make: Library['inputParams'],
  create: Library['createInputs'],
): unknown {
  const params = Buffer.alloc(156);
  good(library, 'make_vstream_params', make(group, true, FLOAT32, params, [1]));
  params.writeUInt32LE(timeoutMs, 140);
  return first((out) => good(library, 'create_vstreams', create(group, params, 1, out)));
}

function good(library: Library, step: string, status: number): void {
  if (status !== 0) throw new Error(`${step}: ${status} ${library.statusName(status)}`);
}
