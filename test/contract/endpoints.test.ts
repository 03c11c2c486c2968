import { readFileSync } from 'node:fs';
import t from 'tap';
import { restWindow, startTestDaemon } from '../fakes/daemon.ts';

/** CONTRACT §1 over the wire, with the model that ships. */
const daemon = await startTestDaemon(t);
const { url } = daemon;
const window = restWindow();
const json = { 'content-type': 'application/json' };

interface Answer {
  readonly latent: number[];
  readonly motif_scores: number[];
  readonly latent_embedding: number[];
  readonly detail: readonly unknown[];
  readonly latent_shape: unknown;
  readonly motif_shape: unknown;
  readonly latent_range: readonly [number, number];
  readonly motif_range: readonly [number, number];
}

async function post(path: string, body: unknown, headers: Record<string, string> = json) {
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer };
}

async function get(path: string, headers: Record<string, string> = {}) {
  const response = await fetch(url + path, { headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

t.test('/infer answers exactly latent and motif_scores', async (t) => {
  const { status, body } = await post('/infer', { x: window });
  t.equal(status, 200);
  t.same(Object.keys(body), ['latent', 'motif_scores']);
  t.equal(body.latent.length, 64);
  t.equal(body.motif_scores.length, 12);
  t.ok(body.latent.every(Number.isFinite));
  t.ok(body.motif_scores.every((score) => score >= 0 && score <= 1));
});

t.test('the aliases answer as /infer does, to the byte', async (t) => {
  const bodies: Answer[] = [];
  for (const path of ['/infer', '/', '/infer/infer', '/infer/']) bodies.push((await post(path, { x: window })).body);
  t.same(
    bodies.slice(1),
    [1, 2, 3].map(() => bodies[0]),
  );
});

t.test('/encode answers its three keys in order, under either name of the window', async (t) => {
  const { body } = await post('/encode', { imu_window: window });
  t.same(Object.keys(body), ['latent_embedding', 'model_version', 'accuracy']);
  t.equal(body.latent_embedding.length, 64);
  t.same((await post('/encode', { x: window })).body, body);
  t.same((await post('/infer', { x: window })).body.latent, body.latent_embedding);
});

t.test('/encode with imu_data names the right key', async (t) => {
  const { status, body } = await post('/encode', { imu_data: window });
  t.equal(status, 422);
  t.match(JSON.stringify(body.detail[0]), /imu_window/);
});

t.test('every inference reply carries its provenance', async (t) => {
  const { headers } = await post('/infer', { x: window });
  const seen = Object.fromEntries(
    ['x-backend', 'x-model', 'x-motif-source', 'x-inference-time-ms', 'server-timing', 'x-request-id'].map((name) => [
      name,
      headers.get(name),
    ]),
  );
  t.match(seen, {
    'x-backend': 'cpu',
    'x-model': /^imu-motif-tcn@/,
    'x-motif-source': 'output',
    'x-inference-time-ms': /^\d+(\.\d+)?$/,
    'server-timing': /^parse;dur=[\d.]+, ?queue;dur=[\d.]+, ?infer;dur=[\d.]+, ?post;dur=[\d.]+$/,
    'x-request-id': /./,
  });
  t.equal(headers.get('x-degraded'), null);
});

t.test('normalized=true skips the z-score and the range check', async (t) => {
  const raw = (await post('/infer', { x: window })).body;
  const normalised = await post('/infer?normalized=true', { x: window });
  t.equal(normalised.status, 200);
  t.not(JSON.stringify(normalised.body.latent), JSON.stringify(raw.latent));
  const hot = window.map((row) => row.map(() => 600));
  t.equal((await post('/infer', { x: hot })).status, 422);
  t.equal((await post('/infer?normalized=true', { x: hot })).status, 200);
});

t.test('/healthz says what serves, with every field of the contract', async (t) => {
  const { status, text, headers } = await get('/healthz');
  t.equal(status, 200);
  t.match(headers.get('content-type'), /^application\/json/);
  t.match(JSON.parse(text), {
    ok: true,
    model: 'imu-motif-tcn',
    uptime_s: Number,
    config_version: /^[0-9a-f]{16}$/,
    hef_sha256: null,
    version: /^\d+\.\d+\.\d+/,
    device: String,
    latency_ms: Number,
    status: String,
    ready: true,
    backend: 'cpu',
    degraded: false,
    model_version: String,
    model_sha256: /^[0-9a-f]{64}$/,
    motif_source: 'output',
  });
});

t.test('health, ready and live judge alike while all is well', async (t) => {
  const statuses: number[] = [];
  for (const path of ['/health', '/health/live', '/health/ready', '/healthz/']) statuses.push((await get(path)).status);
  t.same(statuses, [200, 200, 200, 200]);
});

t.test('/status has the old fields and what an operator wants', async (t) => {
  const body = JSON.parse((await get('/status')).text);
  t.match(body, {
    ready: true,
    model_name: 'imu-motif-tcn',
    hef_path: null,
    hef_exists: false,
    hailort_available: false,
    initialization_error: null,
    last_inference_time: Number,
    num_motifs: 12,
    endpoint_status: { '/infer': 'ready', '/encode': 'ready' },
    api_version: String,
    backend: { kind: 'cpu' },
    queue: { waiting: 0 },
    config: Object,
  });
});

t.test('/test runs a window of its own', async (t) => {
  const { status, body } = await post('/test', { ignored: true });
  t.equal(status, 200);
  t.match(body, { test_status: 'success', inference_time_ms: Number });
  t.same([body.latent_shape, body.motif_shape].flat(), [64, 12]);
  t.equal(body.latent_range.length, 2);
  t.equal(body.motif_range.length, 2);
  t.ok(body.latent_range[0] < body.latent_range[1]);
});

t.test('/ names the service and its endpoints', async (t) => {
  t.match(JSON.parse((await get('/')).text), {
    service: 'hailo-tcn-sidecar',
    version: String,
    model_ready: true,
    endpoints: Object,
    config: { hef_path: null, num_motifs: 12, log_level: String },
  });
});

t.test('/metrics is Prometheus text, OpenMetrics only on request', async (t) => {
  const plain = await get('/metrics');
  t.equal(plain.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  t.match(plain.text, /^hailo_inference_requests_total\{status="success",model="imu-motif-tcn"\} \d+$/m);
  t.match(plain.text, /^hailo_config_ok|^hailo_build_info/m);
  t.notMatch(plain.text, /# EOF/);
  t.notMatch(plain.text, /hailo_device_temperature_celsius\{/);
  const open = await get('/metrics', { accept: 'application/openmetrics-text; version=1.0.0' });
  t.match(open.headers.get('content-type'), /^application\/openmetrics-text/);
  t.ok(open.text.endsWith('# EOF\n'));
});

t.test('HEAD answers wherever GET does, without a body', async (t) => {
  const seen: unknown[][] = [];
  for (const path of ['/', '/healthz', '/health', '/status', '/metrics', '/openapi.json', '/docs']) {
    const response = await fetch(url + path, { method: 'HEAD' });
    seen.push([path, response.status, (await response.text()).length]);
  }
  t.same(
    seen,
    seen.map(([path]) => [path, 200, 0]),
  );
});

t.test('unknown paths are 404, wrong methods 405 with Allow', async (t) => {
  t.equal((await get('/nope')).status, 404);
  const wrong = await get('/infer');
  t.equal(wrong.status, 405);
  t.match(wrong.headers.get('allow'), /POST/);
  const put = await fetch(`${url}/healthz`, { method: 'PUT' });
  t.equal(put.status, 405);
  t.match(put.headers.get('allow'), /GET.*HEAD/);
});

t.test('a request id is kept, or made', async (t) => {
  const kept = await get('/healthz', { 'x-request-id': 'abc-123' });
  t.equal(kept.headers.get('x-request-id'), 'abc-123');
  const made = [
    (await get('/healthz')).headers.get('x-request-id'),
    (await get('/healthz')).headers.get('x-request-id'),
  ];
  t.ok(made[0] && made[1] && made[0] !== made[1]);
});

t.test('a browser may read the replies by default', async (t) => {
  const { headers } = await get('/healthz', { origin: 'http://app.example' });
  t.equal(headers.get('access-control-allow-origin'), '*');
  const preflight = await fetch(`${url}/infer`, {
    method: 'OPTIONS',
    headers: { origin: 'http://app.example', 'access-control-request-method': 'POST' },
  });
  t.equal(preflight.status, 204);
  t.match(preflight.headers.get('access-control-allow-methods'), /POST/);
});

t.test('/docs needs no network', async (t) => {
  const { status, text } = await get('/docs');
  t.equal(status, 200);
  t.notMatch(text, /(src|href)="(https?:)?\/\//);
  t.match(text, /\/infer/);
});

t.test('the OpenAPI document knows every path of the contract', async (t) => {
  const document = JSON.parse((await get('/openapi.json')).text);
  t.match(document.openapi, /^3\.1/);
  const wanted = [
    '/',
    '/infer',
    '/encode',
    '/healthz',
    '/health',
    '/health/live',
    '/health/ready',
    '/metrics',
    '/status',
    '/test',
  ];
  t.same(
    wanted.filter((path) => !(path in document.paths)),
    [],
  );
});

t.test('the shipped examples move the motifs', async (t) => {
  const example = (name: string) =>
    JSON.parse(readFileSync(new URL(`../../packaging/models/default/examples/${name}.json`, import.meta.url), 'utf8'));
  const top: number[] = [];
  for (const name of ['rest', 'walk', 'shake']) {
    const { body } = await post('/infer', example(name));
    top.push(body.motif_scores.indexOf(Math.max(...body.motif_scores)));
  }
  t.equal(new Set(top).size, 3);
});
