import { BINARY_TYPE } from '../../src/core/media-types.ts';
import { CHANNELS, ROWS } from '../../src/tasks/tcn/schema.ts';
import { requestBodies, sampleWindow } from './bodies.ts';

/** One request, sent again and again. */
export interface BenchRequest {
  readonly what: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** null sends GET. */
  readonly body: Buffer | null;
  /** How many windows are in it. */
  readonly windows: number;
}

export const BATCH = 32;
const JSON_HEADERS = { 'content-type': 'application/json' };
const OCTETS = { 'content-type': BINARY_TYPE, accept: BINARY_TYPE };

export const BARE: BenchRequest = { what: 'bare 200', path: '/', headers: {}, body: null, windows: 1 };

/** POST /infer, as JSON in three layouts and as octets. */
export function inferRequests(): readonly BenchRequest[] {
  const json = Object.entries(requestBodies()).map(([what, body]) => toRequest(what, '/infer', JSON_HEADERS, body));
  return [...json, toRequest('binary', '/infer', OCTETS, toOctets(sampleWindow()))];
}

/** Every door that takes windows. @param model as /healthz calls it */
export function doorRequests(model: string): readonly BenchRequest[] {
  const window = sampleWindow();
  const windows = Array.from({ length: BATCH }, (_, i) => [...window.slice(i), ...window.slice(0, i)]);
  const octets = Buffer.concat(windows.map(toOctets));
  return [
    ...inferRequests(),
    toRequest('/encode', '/encode', JSON_HEADERS, JSON.stringify({ imu_window: window })),
    toRequest('batch', '/infer/batch', JSON_HEADERS, JSON.stringify({ windows }), BATCH),
    toRequest('batch, binary', '/infer/batch', OCTETS, octets, BATCH),
    ...openInferenceRequests(`/v2/models/${model}/infer`, window),
  ];
}

/** The Open Inference Protocol, and its extension for binary tensors. */
function openInferenceRequests(path: string, window: readonly number[][]): readonly BenchRequest[] {
  const input = { name: 'imu_window', shape: [1, ROWS, CHANNELS], datatype: 'FP32' };
  const octets = toOctets(window);
  const head = Buffer.from(
    JSON.stringify({
      inputs: [{ ...input, parameters: { binary_data_size: octets.length } }],
      parameters: { binary_data_output: true },
    }),
  );
  const headers = { 'content-type': BINARY_TYPE, 'inference-header-content-length': String(head.length) };
  return [
    toRequest('OIP', path, JSON_HEADERS, JSON.stringify({ inputs: [{ ...input, data: window.flat() }] })),
    toRequest('OIP, binary', path, headers, Buffer.concat([head, octets])),
  ];
}

function toRequest(
  what: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer,
  windows = 1,
): BenchRequest {
  return { what, path, headers, body: Buffer.from(body), windows };
}

function toOctets(window: readonly number[][]): Buffer {
  return Buffer.from(Float32Array.from(window.flat()).buffer);
}
