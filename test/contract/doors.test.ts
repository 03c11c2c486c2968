import t from 'tap';
import { restWindow, startTestDaemon } from '../fakes/daemon.ts';

/** One core behind all doors, and who goes first. */
const { url } = await startTestDaemon(t);

const OCTETS = 'application/octet-stream';
const window = (shift = 0) =>
  restWindow().map((row, i) => row.map((value, j) => value + shift + ((i * 9 + j) % 7) / 8));
const toBytes = (windows: number[][][]) => Float32Array.from(windows.flat(2)).buffer;

async function ask(path: string, body: unknown, headers: Record<string, string> = {}, to = url): Promise<Response> {
  const isBinary = body instanceof ArrayBuffer;
  return fetch(to + path, {
    method: 'POST',
    headers: { 'content-type': isBinary ? OCTETS : 'application/json', ...headers },
    body: isBinary ? body : JSON.stringify(body),
  });
}

interface Answered {
  readonly latent: number[];
  readonly motif_scores: number[];
}
interface Batch {
  readonly results: readonly (Answered & { readonly error?: { readonly code: string } })[];
  readonly answered: number;
  readonly failed: number;
}
const jsonOf = async <T>(asked: Promise<Response>) => (await (await asked).json()) as T;

const rounded = (windows: number[][][]) => windows.map((rows) => rows.map((row) => row.map(Math.fround)));

t.test('the same window gives the same bits at every door', async (t) => {
  const windows = rounded([window(), window(0.25), window(0.5)]);
  const singles: Answered[] = [];
  for (const x of windows) singles.push(await jsonOf<Answered>(ask('/infer', { x })));
  const octets = await (await ask('/infer', toBytes(windows.slice(0, 1)))).json();
  t.same(octets, singles[0]);
  t.same((await jsonOf<Batch>(ask('/infer/batch', { windows }))).results, singles);
  t.same((await jsonOf<Batch>(ask('/infer/batch', toBytes(windows)))).results, singles);
  const binary = await ask('/infer/batch', toBytes(windows), { accept: OCTETS });
  t.equal(binary.headers.get('content-type'), OCTETS);
  t.same(
    new Float32Array(await binary.arrayBuffer()),
    Float32Array.from(singles.flatMap(({ latent, motif_scores }) => [...latent, ...motif_scores])),
  );
});

t.test('every door says who answered, and how fast', async (t) => {
  const asked = [ask('/infer', toBytes([window()])), ask('/infer/batch', { windows: [window(), 'no'] })];
  for (const response of await Promise.all(asked)) {
    t.equal(response.headers.get('x-backend'), 'cpu');
    t.match(response.headers.get('x-model'), /@/);
    t.match(response.headers.get('server-timing'), /^parse;dur=.* infer;dur=/);
  }
});

t.test('a single window does not wait for a batch, and a small batch not for a large one', async (t) => {
  const ended: string[] = [];
  const note = (name: string, asked: Promise<Response>) =>
    asked.then(async (response) => {
      t.equal(response.status, 200, name);
      ended.push(name);
      return response.json();
    });
  const windows = Array.from({ length: 64 }, () => window());
  const large = note('large', ask('/infer/batch', { windows }, { 'x-request-timeout-ms': '60000' }));
  await new Promise((resolve) => setTimeout(resolve, 5));
  const small = note('small', ask('/infer/batch', { windows: windows.slice(0, 3) }));
  const single = note('single', ask('/infer', { x: window() }));
  const body = await large;
  await Promise.all([small, single]);
  t.equal(ended.at(-1), 'large');
  t.match(body, { answered: 64, failed: 0 });
});

t.test('whoever waits no longer than this is told so at once', async (t) => {
  const windows = Array.from({ length: 64 }, () => window());
  const response = await ask('/infer/batch', { windows }, { 'x-request-timeout-ms': '6' });
  const body = (await response.json()) as Batch;
  const codes = new Set(body.results.map((result) => result.error?.code ?? 'ok'));
  t.ok(codes.has('DEADLINE_EXCEEDED'), `${[...codes]}`);
  t.equal(response.headers.get('x-batch-failed'), String(body.failed));
  t.equal(body.answered + body.failed, 64);
  t.equal((await ask('/infer', { x: window() }, { 'x-request-timeout-ms': 'soon' })).status, 400);
});

t.test('a client over its rate gets 429, by window, and both headers; health has no rate', async (t) => {
  const slow = await startTestDaemon(t, {
    yaml: 'server: {port: 0}\nbackend: {kind: cpu}\nrate_limit: {windows_per_s: 0.5, burst: 4}\n',
  });
  const statuses = [];
  for (let i = 0; i < 3; i++)
    statuses.push((await ask('/infer/batch', { windows: [window(), window()] }, {}, slow.url)).status);
  t.same(statuses, [200, 200, 429]);
  const refused = await ask('/infer', { x: window() }, {}, slow.url);
  t.equal(refused.status, 429);
  t.ok(Number(refused.headers.get('retry-after')) >= 1);
  t.ok(Number(refused.headers.get('retry-after-ms')) > 0);
  t.match(await refused.json(), { error: { code: 'RATE_LIMITED' } });
  t.equal((await fetch(`${slow.url}/healthz`)).status, 200);
  const metrics = await (await fetch(`${slow.url}/metrics`)).text();
  t.match(metrics, /hailo_windows_total\{route="\/infer\/batch",outcome="ok"\} 4\n/);
  t.match(metrics, /hailo_windows_total\{route="\/infer",outcome="RATE_LIMITED"\} 1\n/);
});

t.test('a window in the wrong unit is answered, and everybody hears of it', async (t) => {
  const { url: here, said } = await startTestDaemon(t);
  const x = restWindow().map((row, i) =>
    row.map((value, j) => (j < 3 ? value / 9.81 : value) + Math.sin(i * 9 + j) / 500),
  );
  for (const [path, body] of [
    ['/infer', { x }],
    ['/encode', { imu_window: x }],
    ['/infer/batch', { windows: [restWindow(), x] }],
    ['/infer', toBytes([x])],
  ] as const) {
    const response = await ask(path, body, {}, here);
    t.equal(response.status, 200);
    t.equal(response.headers.get('x-input-warning'), 'acceleration looks like g', path);
  }
  t.equal(said.filter((line) => line.startsWith('warn acceleration looks like g')).length, 1, 'one line a minute');
  t.match(
    await (await fetch(`${here}/metrics`)).text(),
    /hailo_input_warnings_total\{warning="acc_g",route="\/infer"\} 2\n/,
  );
});
