/** Requests as tritonclient 2.x and kserve 0.1x send them, to the byte, and replies as they read them. */
export interface Sent {
  readonly what: string;
  readonly head: readonly string[];
  readonly body: Buffer;
}

export interface Heard {
  readonly id: string | null;
  readonly model: string;
  readonly version: string;
  readonly outputs: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: readonly number[] }>>;
}

export const KSERVE_ID = '60c780b1-a1b9-46c0-879c-7fb94e64e837';
const POST = 'POST /v2/models/imu-motif-tcn/infer HTTP/1.1';
const GEVENT = 'user-agent: python/gevent-http-client-2.0.8';
const AIOHTTP = ['Accept: */*', 'Accept-Encoding: gzip, deflate', 'User-Agent: Python/3.11 aiohttp/3.8.4'];
const HTTPX = [
  'Accept: */*',
  'Accept-Encoding: gzip, deflate, br',
  'Connection: keep-alive',
  'User-Agent: python-httpx/0.23.3',
];

const INPUT = '{"name":"imu_window","shape":[1,100,9],"datatype":"FP32",';
const BINARY_INPUT = `"inputs":[${INPUT}"parameters":{"binary_data_size":3600}}]`;
const jsonInput = (window: Float32Array) => `"inputs":[${INPUT}"data":[${window.join(',')}]}]`;
const ALL_BINARY = '"parameters":{"binary_data_output":true}';

/** What each client sends for one window. */
export function requestsFor(window: Float32Array, version: string): readonly Sent[] {
  const data = Buffer.from(window.buffer, window.byteOffset, window.byteLength);
  const binary = (json: string) => Buffer.concat([Buffer.from(json), data]);
  const triton = `{${BINARY_INPUT},${ALL_BINARY}}`;
  const chosen =
    `{"id":"42",${BINARY_INPUT},"outputs":[{"name":"motif_scores","parameters":{"binary_data":true}},` +
    '{"name":"latent_embeddings","parameters":{"binary_data":false}}],"parameters":{"priority":1,"timeout":5}}';
  const tritonJson = Buffer.from(`{${jsonInput(window)},${ALL_BINARY}}`);
  const kserve = `{"id":"${KSERVE_ID}","model_name":"imu-motif-tcn",`;
  const kserveBinary = `${kserve}${BINARY_INPUT},"outputs":[{"name":"motif_scores","parameters":{"binary_data":true}}],${ALL_BINARY}}`;
  return [
    {
      what: 'tritonclient.http, defaults',
      head: [POST, GEVENT, `inference-header-content-length: ${triton.length}`],
      body: binary(triton),
    },
    {
      what: 'tritonclient.http, outputs chosen, a version, an id',
      head: [
        `POST /v2/models/imu-motif-tcn/versions/${version}/infer HTTP/1.1`,
        GEVENT,
        `inference-header-content-length: ${chosen.length}`,
      ],
      body: binary(chosen),
    },
    { what: 'tritonclient.http, data as JSON', head: [POST, GEVENT], body: tritonJson },
    {
      what: 'tritonclient.http.aio, defaults',
      head: [
        POST,
        `Inference-Header-Content-Length: ${triton.length}`,
        ...AIOHTTP,
        'Content-Type: application/octet-stream',
      ],
      body: binary(triton),
    },
    {
      what: 'tritonclient.http.aio, data as JSON under the wrong type',
      head: [POST, ...AIOHTTP, 'Content-Type: application/octet-stream'],
      body: tritonJson,
    },
    {
      what: 'kserve, binary data',
      head: [
        POST,
        ...HTTPX,
        `inference-header-content-length: ${kserveBinary.length}`,
        'content-type: application/octet-stream',
      ],
      body: binary(kserveBinary),
    },
    {
      what: 'kserve, data as JSON',
      head: [POST, ...HTTPX, 'content-type: application/json'],
      body: Buffer.from(`${kserve}${jsonInput(window)}}`),
    },
  ];
}

interface Wire {
  readonly id?: string;
  readonly model_name: string;
  readonly model_version: string;
  readonly outputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
    readonly parameters?: { readonly binary_data_size?: number };
    readonly data?: readonly number[];
  }[];
}

/** InferResult of tritonclient and InferResponse.from_bytes of kserve, which agree on everything here. */
export function hear(body: Buffer, length: string | null): Heard {
  const jsonBytes = length === null ? body.length : Number(length);
  const wire = JSON.parse(body.subarray(0, jsonBytes).toString()) as Wire;
  let at = jsonBytes;
  const outputs = wire.outputs.map(({ name, shape, parameters, data }) => {
    const size = parameters?.binary_data_size;
    if (size === undefined) return [name, { shape, data: data!.map(Math.fround) }] as const;
    const values = new Float32Array(Uint8Array.from(body.subarray(at, at + size)).buffer);
    at += size;
    return [name, { shape, data: [...values] }] as const;
  });
  if (at !== body.length) throw new Error(`${body.length - at} bytes are nobody's`);
  return {
    id: wire.id ?? null,
    model: wire.model_name,
    version: wire.model_version,
    outputs: Object.fromEntries(outputs),
  };
}
