import { SidecarError } from '../core/errors.ts';
import { BINARY_TYPE, JSON_TYPE } from '../core/media-types.ts';
import { LONGEST_NUMBER, writeNumbers } from '../core/shortest.ts';
import type { Header, Reply } from '../core/task.ts';
import type { Prediction } from '../core/tensor-door.ts';
import type { Order, OrderedOutput } from './order.ts';
import { LENGTH_HEADER } from './request.ts';
import type { Surface } from './surface.ts';

/** The answer to an order: JSON, and after it the outputs that are wanted as binary data, in the order of the JSON. */
export function toReply(prediction: Prediction, order: Order, id: string | null, { opening }: Surface): Reply {
  const { inference, windows, warnings } = prediction;
  const values = order.outputs.map((output) => valuesOf(prediction, output));
  const head = id === null ? '{' : `{"id":${JSON.stringify(id)},`;
  const { body, jsonBytes } =
    order.tail === null
      ? toMixedBody(`${head}${opening}`, order.outputs, values)
      : toBinaryBody(head + order.tail, values);
  const isJson = jsonBytes === body.length;
  const headers: readonly Header[] = isJson
    ? prediction.headers
    : [...prediction.headers, [LENGTH_HEADER, String(jsonBytes)]];
  const contentType = isJson ? JSON_TYPE : BINARY_TYPE;
  return { status: 200, contentType, headers, body, inference, windows, warnings };
}

function valuesOf({ outputs }: Prediction, { name, values }: OrderedOutput): Float32Array {
  for (const tensor of outputs) if (tensor.name === name && tensor.data.length === values) return tensor.data;
  throw new SidecarError('INTERNAL', `The answer has no ${values} values for the output ${name}.`);
}

interface Body {
  readonly body: Buffer;
  readonly jsonBytes: number;
}

/** All outputs are binary: the JSON is known before. */
function toBinaryBody(json: string, values: readonly Float32Array[]): Body {
  const jsonBytes = Buffer.byteLength(json);
  let bytes = jsonBytes;
  for (const { byteLength } of values) bytes += byteLength;
  const body = Buffer.allocUnsafe(bytes);
  body.write(json, 0);
  let p = jsonBytes;
  for (const one of values) p = append(body, p, one);
  return { body, jsonBytes };
}

/** Where JSON with numbers is put together; it is copied out before anybody else can write. */
let work = Buffer.alloc(0);

function toMixedBody(opening: string, outputs: readonly OrderedOutput[], values: readonly Float32Array[]): Body {
  const blobs = values.filter((_, i) => outputs[i]!.isBinary);
  const jsonBytes = writeJson(opening, outputs, values);
  const body = Buffer.allocUnsafe(jsonBytes + blobs.reduce((sum, { byteLength }) => sum + byteLength, 0));
  work.copy(body, 0, 0, jsonBytes);
  blobs.reduce((p, one) => append(body, p, one), jsonBytes);
  return { body, jsonBytes };
}

/** @returns its size in `work` */
function writeJson(opening: string, outputs: readonly OrderedOutput[], values: readonly Float32Array[]): number {
  reserve(opening, outputs);
  let p = work.write(opening, 0);
  for (const [i, { text, isBinary }] of outputs.entries()) {
    if (i > 0) p += work.write(',', p);
    p += work.write(text, p);
    if (isBinary) continue;
    p = writeNumbers(work, p, values[i]!);
    p += work.write(']}', p);
  }
  return p + work.write(']}', p);
}

function reserve(opening: string, outputs: readonly OrderedOutput[]): void {
  let bytes = Buffer.byteLength(opening) + 2;
  for (const { text, values, isBinary } of outputs) {
    bytes += Buffer.byteLength(text) + 3 + (isBinary ? 0 : values * (LONGEST_NUMBER + 1));
  }
  if (bytes > work.length) work = Buffer.alloc(bytes);
}

/** @returns the place after it */
function append(body: Buffer, at: number, { buffer, byteOffset, byteLength }: Float32Array): number {
  body.set(new Uint8Array(buffer, byteOffset, byteLength), at);
  return at + byteLength;
}
