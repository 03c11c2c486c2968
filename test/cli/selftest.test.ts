import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { createIo, fail } from '../../src/cli/io.ts';
import { selftestCommand } from '../../src/cli/selftest.ts';
import { readBundle } from '../../src/parts.ts';
import { reachUrl } from '../../src/reach.ts';
import { writeTinyBundle } from '../fixtures/bundle.ts';

/** A server that answers as a daemon with the tiny model would, or not quite. */
async function serve(
  t: Test,
  answers: { health?: object; status?: number; backend?: string; latent?: (right: number[]) => number[] } = {},
) {
  const { directory } = writeTinyBundle(t.testdir());
  const right = (await readBundle(directory)).golden.windows[0]!.latent;
  const server = createServer((request, response) => {
    const isHealth = request.url === '/healthz';
    const health = answers.health ?? { ok: true, model: 'tiny', model_version: '1' };
    const latent = (answers.latent ?? ((values) => values))([...right]);
    response.writeHead(isHealth ? 200 : (answers.status ?? 200), { 'x-backend': answers.backend ?? 'cpu' });
    response.end(JSON.stringify(isHealth ? health : { latent_embedding: latent }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, directory };
}

/** What the command line names, else the URL that the configuration would. */
const reachAt = (configured: string) => (url: string | null, _path: string | null, tokenFile: string | null) =>
  reachUrl(url ?? configured, { tokenFile });

async function run(argv: string[], url: string, directory: string) {
  const out: string[] = [];
  const sink = { write: (text: string) => out.push(text) };
  const deps = { reach: reachAt(url), configuredBundle: () => directory, loadGolden: readBundle };
  return { status: await selftestCommand(argv, createIo(sink, sink, {}), deps), out: out.join('') };
}

t.test('a daemon that answers right passes, window by window', async (t) => {
  const { url, directory } = await serve(t);
  t.match(await run([], url, directory), { status: 0, out: /tiny@1 at http.*\n✓ {2}sine {2}cosine 1\.0000000.*cpu/ });
  const { out } = await run(['--json', '--url', `${url}/`, '--bundle', directory], 'http://127.0.0.1:1', '');
  t.match(JSON.parse(out), { ok: true, model: 'tiny@1', windows: [{ window: 'sine', ok: true, backend: 'cpu' }] });
});

t.test('one number that differs fails', async (t) => {
  const { url, directory } = await serve(t, { latent: (values) => values.with(5, values[5]! + 0.1) });
  t.match(await run([], url, directory), { status: 1, out: /✗ {2}sine/ });
});

t.test('a quantised device is held to the direction of its answers, not to their last digits', async (t) => {
  const latent = (values: number[]) => values.map((value) => value * 1.01);
  const near = await serve(t, { backend: 'hailo', latent });
  t.match(await run([], near.url, near.directory), { status: 0, out: /✓ {2}sine.*hailo/ });
  const far = await serve(t, {
    backend: 'hailo',
    latent: (values) => values.map((value, i) => (i % 2 ? value : -value)),
  });
  t.match(await run([], far.url, far.directory), { status: 1 });
});

t.test('motif scores are compared where the window has them', async (t) => {
  const { url, directory } = await serve(t);
  const bundle = await readBundle(directory);
  const windows = bundle.golden.windows.map((window) => ({ ...window, motif_scores: new Array(12).fill(0.5) }));
  const golden = { ...bundle.golden, windows };
  const sink = { write: () => true };
  const loadGolden = async () => ({ manifest: bundle.manifest, golden });
  const deps = { reach: reachAt(url), configuredBundle: () => '', loadGolden };
  t.equal(await selftestCommand([], createIo(sink, sink, {}), deps), 1, 'the server gives none');
});

t.test('another model, an unhealthy daemon, a refusal, nobody at all: each is told', async (t) => {
  const other = await serve(t, { health: { ok: true, model: 'other', model_version: '2' } });
  await t.rejects(run([], other.url, other.directory), { code: 'CHECK_FAILED', message: /other@2.*tiny@1/ });
  const sick = await serve(t, { health: { ok: false, reason: 'no chip' } });
  await t.rejects(run([], sick.url, sick.directory), { code: 'UNAVAILABLE', message: /not healthy: no chip/ });
  const busy = await serve(t, { status: 503 });
  await t.rejects(run([], busy.url, busy.directory), { code: 'CHECK_FAILED', message: /503.*"sine"/ });
  await t.rejects(run([], 'http://127.0.0.1:1', other.directory), { code: 'UNAVAILABLE', message: /Start it/ });
});

t.test('a server that is something else is told apart, and with --json as JSON', async (t) => {
  const server = createServer((_request, response) => void response.end('<html>hello</html>'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { directory } = await serve(t);
  const wrong = await run([], url, directory).catch((error) => error);
  t.match(wrong, { code: 'UNAVAILABLE', message: /not this daemon/ });
  const out: string[] = [];
  const sink = { write: (text: string) => out.push(text) };
  t.equal(fail(createIo(sink, { write: () => true }, {}), wrong, true), 69);
  t.match(JSON.parse(out.join('')), { ok: false, error: { code: 'UNAVAILABLE' } });
});

t.test('the configuration is asked only for what the command line leaves out', async (t) => {
  const { url, directory } = await serve(t);
  const never = () => {
    throw new Error('asked');
  };
  const sink = { write: () => true };
  const deps = { reach: reachAt('none'), configuredBundle: never, loadGolden: readBundle };
  t.equal(await selftestCommand(['--url', url, '--bundle', directory], createIo(sink, sink, {}), deps), 0);
});

t.test('--help explains', async (t) => {
  t.match(await run(['--help'], '', ''), { status: 0, out: /^Usage/ });
});
