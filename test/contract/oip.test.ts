import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { restWindow, startTestDaemon } from '../fakes/daemon.ts';
import { hear, KSERVE_ID, requestsFor, type Sent } from './oip-clients.ts';

/** The Open Inference Protocol over the wire, with the model that ships. */
const { url, daemon } = await startTestDaemon(t);
const MODEL = '/v2/models/imu-motif-tcn';
const VERSION = daemon.state.manifest.version;
const WINDOW = Float32Array.from(restWindow().flat());

interface Answer {
  readonly latent: number[];
  readonly motif_scores: number[];
}

/** What /infer says of the same window. */
async function inferred(window: Float32Array, query = ''): Promise<Answer> {
  const x = Array.from({ length: 100 }, (_, i) => [...window.subarray(i * 9, i * 9 + 9)]);
  const headers = { 'content-type': 'application/json' };
  const reply = await fetch(`${url}/infer${query}`, { method: 'POST', headers, body: JSON.stringify({ x }) });
  const { latent, motif_scores } = (await reply.json()) as Answer;
  return { latent: latent.map(Math.fround), motif_scores: motif_scores.map(Math.fround) };
}

/** Sends the very bytes, on a connection of its own. */
async function send({ head, body }: Omit<Sent, 'what'>): Promise<{ status: number; headers: string; body: Buffer }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`${[...head, 'host: 127.0.0.1', `content-length: ${body.length}`].join('\r\n')}\r\n\r\n`);
  socket.write(body);
  let all = Buffer.alloc(0);
  for await (const chunk of socket) {
    all = Buffer.concat([all, chunk as Buffer]);
    const end = all.indexOf('\r\n\r\n');
    const headers = all.subarray(0, Math.max(end, 0)).toString('latin1');
    const length = Number(headerIn(headers, 'content-length') ?? Number.NaN);
    if (end !== -1 && all.length === end + 4 + length) {
      socket.destroy();
      return { status: Number(headers.slice(9, 12)), headers, body: all.subarray(end + 4) };
    }
  }
  throw new Error(`the connection was closed after ${all.length} bytes`);
}

const headerIn = (headers: string, name: string) =>
  new RegExp(`^${name}: (.*)$`, 'im').exec(headers.replaceAll('\r', ''))?.[1] ?? null;

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const content = body instanceof Uint8Array ? Uint8Array.from(body) : JSON.stringify(body);
  const reply = await fetch(url + path, {
    method: 'POST',
    headers: { ...(content instanceof Uint8Array ? {} : { 'content-type': 'application/json' }), ...headers },
    body: content,
  });
  const bytes = Buffer.from(await reply.arrayBuffer());
  return { status: reply.status, headers: reply.headers, bytes, json: () => JSON.parse(bytes.toString()) };
}

const input = (shape: readonly number[], data: unknown) => ({ name: 'imu_window', datatype: 'FP32', shape, data });

t.test('each client hears what /infer says of the same window', async (t) => {
  const { latent, motif_scores } = await inferred(WINDOW);
  const all = {
    latent_embeddings: { shape: [1, 64], data: latent },
    motif_scores: { shape: [1, 12], data: motif_scores },
  };
  const wanted: Record<number, { id: string | null; outputs: object }> = {
    1: { id: '42', outputs: all },
    5: { id: KSERVE_ID, outputs: { motif_scores: all.motif_scores } },
    6: { id: KSERVE_ID, outputs: all },
  };
  for (const [i, request] of requestsFor(WINDOW, VERSION).entries()) {
    const { status, headers, body } = await send(request);
    t.equal(status, 200, `${request.what}: ${body.subarray(0, 200)}`);
    const length = headerIn(headers, 'Inference-Header-Content-Length');
    const named = { model: 'imu-motif-tcn', version: VERSION };
    t.same(hear(body, length), { id: null, outputs: all, ...named, ...wanted[i] }, request.what);
    t.equal(headerIn(headers, 'Content-Type'), length === null ? 'application/json' : 'application/octet-stream');
    t.equal(headerIn(headers, 'X-Backend'), 'cpu', 'who answered is told as everywhere');
  }
});

t.test('outputs come in the order in which they were asked for', async (t) => {
  const names = ['motif_scores', 'latent_embeddings'];
  const reply = await post(`${MODEL}/infer`, {
    inputs: [input([1, 100, 9], [...WINDOW])],
    outputs: names.map((name) => ({ name })),
  });
  t.same(
    reply.json().outputs.map(({ name }: { name: string }) => name),
    names,
  );
});

t.test('several windows in one tensor, nested or flat or raw, each as /infer has it', async (t) => {
  const windows = [1, 0.5, -1].map((factor) => WINDOW.map((value) => value * factor));
  const each = await Promise.all(windows.map((window) => inferred(window)));
  const wanted = {
    latent_embeddings: { shape: [3, 64], data: each.flatMap(({ latent }) => latent) },
    motif_scores: { shape: [3, 12], data: each.flatMap(({ motif_scores }) => motif_scores) },
  };
  const rows = (window: Float32Array) => Array.from({ length: 100 }, (_, i) => [...window.subarray(i * 9, i * 9 + 9)]);
  const bytes = Buffer.concat(windows.map((window) => Buffer.from(window.buffer)));
  const replies = [
    await post(`${MODEL}/infer`, { inputs: [input([3, 100, 9], windows.map(rows))] }),
    await post(`${MODEL}/infer`, {
      inputs: [
        input(
          [3, 100, 9],
          windows.flatMap((window) => [...window]),
        ),
      ],
    }),
    await post(`${MODEL}/infer`, bytes, { 'inference-header-content-length': '0' }),
  ];
  for (const { bytes: body, headers } of replies) {
    t.same(hear(body, headers.get('inference-header-content-length')).outputs, wanted);
  }
});

t.test('of many at a time, each hears of its own window', async (t) => {
  const windows = Array.from({ length: 24 }, (_, i) => WINDOW.map((value) => value * (1 - i / 24)));
  const wanted = await Promise.all(windows.map((window) => inferred(window)));
  const heard = await Promise.all(
    windows.map(async (window, i) => {
      const head = Buffer.from(
        JSON.stringify({
          id: `${i}`,
          inputs: [{ ...input([1, 100, 9], undefined), parameters: { binary_data_size: 3600 } }],
          parameters: { binary_data_output: i % 2 === 0 },
        }),
      );
      const body = Buffer.concat([head, Buffer.from(window.buffer)]);
      const reply = await post(`${MODEL}/infer`, body, { 'inference-header-content-length': String(head.length) });
      return hear(reply.bytes, reply.headers.get('inference-header-content-length'));
    }),
  );
  t.same(
    heard.map(({ id, outputs }) => [id, outputs.latent_embeddings?.data]),
    wanted.map(({ latent }, i) => [`${i}`, latent]),
  );
});

t.test('normalized input is not z-scored again', async (t) => {
  const inputs = [input([1, 100, 9], [...WINDOW])];
  const reply = await post(`${MODEL}/infer`, { inputs, parameters: { normalized: true } });
  const { latent } = await inferred(WINDOW, '?normalized=true');
  t.same(hear(reply.bytes, null).outputs.latent_embeddings?.data, latent);
});

t.test('names may be escaped, and a slash may end a path', async (t) => {
  const paths = ['/v2', '/v2/', '/v2/models/imu%2Dmotif-tcn', `${MODEL}/`, `${MODEL}/versions/${VERSION}/ready`];
  for (const path of paths) t.equal((await fetch(url + path)).status, 200, path);
});

t.test('what the clients ask before', async (t) => {
  const get = async (path: string) => (await fetch(url + path)).json();
  t.match(await get('/v2'), { name: 'hailo-tcn-sidecar', version: String, extensions: ['binary_tensor_data'] });
  t.same(await get('/v2/health/live'), { live: true });
  t.same(await get('/v2/health/ready'), { live: true, ready: true });
  t.same(await get(`${MODEL}/ready`), { name: 'imu-motif-tcn', ready: true });
  t.same(await get(MODEL), {
    name: 'imu-motif-tcn',
    versions: [VERSION],
    platform: 'onnxruntime_onnx',
    inputs: [{ name: 'imu_window', datatype: 'FP32', shape: [-1, 100, 9] }],
    outputs: [
      { name: 'latent_embeddings', datatype: 'FP32', shape: [-1, 64] },
      { name: 'motif_scores', datatype: 'FP32', shape: [-1, 12] },
    ],
  });
});

t.test('errors have the form of the protocol, wherever below /v2 they arise', async (t) => {
  const one = { inputs: [input([1, 100, 9], [...WINDOW])] };
  const loud = { inputs: [input([1, 100, 9], [600, ...WINDOW.subarray(1)])] };
  const asked: readonly (readonly [
    method: string,
    path: string,
    status: number,
    error: RegExp,
    body?: unknown,
    type?: string,
  ])[] = [
    ['GET', '/v2/nothing', 404, /no other extension/],
    ['GET', `${MODEL}/config`, 404, /no other extension/],
    ['GET', `${MODEL}/stats`, 404, /no other extension/],
    ['POST', '/v2/repository/index', 404, /no other extension/],
    ['GET', '/v2/models/%zz', 404, /not loaded/],
    ['GET', '/v2/models/other', 404, /not loaded. Loaded: imu-motif-tcn version/],
    ['GET', `${MODEL}/versions/0/ready`, 404, /not loaded/],
    ['POST', '/v2/models/other/infer', 404, /not loaded/, one],
    ['POST', `${MODEL}/versions/0/infer`, 404, /not loaded/, one],
    ['GET', `${MODEL}/infer`, 405, /POST/],
    ['POST', '/v2/health/live', 405, /GET/],
    ['POST', `${MODEL}/infer`, 400, /imu_window/, {}],
    ['POST', `${MODEL}/infer`, 400, /application\/json/, one, 'text/plain'],
    ['POST', `${MODEL}/infer`, 415, /application\/json/, one, 'image/png'],
    ['POST', `${MODEL}/infer`, 400, /Accelerometer.*m\/s²/, loud],
    ['POST', `${MODEL}/infer`, 413, /1048576/, 'x'.repeat(1 << 20)],
  ];
  for (const [method, path, status, error, body, type = 'application/json'] of asked) {
    const content = body === undefined ? {} : { headers: { 'content-type': type }, body: JSON.stringify(body) };
    const reply = await fetch(url + path, { method, ...content });
    t.match([reply.status, reply.headers.get('content-type')], [status, 'application/json'], `${method} ${path}`);
    const told = (await reply.json()) as { error: string };
    t.same(Object.keys(told), ['error']);
    t.match(told.error, error);
  }
});

t.test('a second length of the JSON is refused', async (t) => {
  const [request] = requestsFor(WINDOW, VERSION) as [Sent];
  const { status, body } = await send({ ...request, head: [...request.head, 'inference-header-content-length: 1'] });
  t.equal(status, 400);
  t.match(JSON.parse(body.toString()), { error: /more than once/ });
});

t.test('inferences and their refusals are counted as such, under constant labels', async (t) => {
  const page = await (await fetch(`${url}/metrics`)).text();
  const label = String.raw`route="/v2/models/\{name\}/infer",method="POST"`;
  t.match(page, new RegExp(`^hailo_http_requests_total\\{${label},status="200"\\} \\d+$`, 'm'));
  t.match(page, new RegExp(`^hailo_http_requests_total\\{${label},status="400"\\} \\d+$`, 'm'));
  t.notMatch(page, /v2\/models\/(imu|other)/);
});

t.test('no model, no answer: 503, when to ask again, and still the form of the protocol', async (t) => {
  const down = await startTestDaemon(t, {
    yaml: 'server: {port: 0}\nbackend: {kind: hailo, hailo: {library: /nowhere/libhailort.so}}\n',
  });
  const ready = await fetch(`${down.url}/v2/health/ready`);
  t.match([ready.status, await ready.json()], [503, { live: true, ready: false, error: String }]);
  const model = await fetch(`${down.url}${MODEL}/ready`);
  t.match([model.status, await model.json()], [503, { name: 'imu-motif-tcn', ready: false, error: String }]);
  t.equal((await fetch(`${down.url}/v2/health/live`)).status, 200);
  const metadata = await fetch(`${down.url}${MODEL}`);
  t.match([metadata.status, await metadata.json()], [503, { error: String }]);
  const body = JSON.stringify({ inputs: [input([1, 100, 9], [...WINDOW])] });
  const refused = await fetch(`${down.url}${MODEL}/infer`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  t.match([refused.status, refused.headers.get('retry-after')], [503, /^\d+$/]);
  t.same(Object.keys((await refused.json()) as object), ['error']);
});
