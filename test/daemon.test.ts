import { once } from 'node:events';
import { appendFileSync, cpSync, existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { restWindow, startTestDaemon } from './fakes/daemon.ts';
import { writeTinyBundle } from './fixtures/bundle.ts';
import { openRaw } from './http/serving.ts';

const body = JSON.stringify({ x: restWindow() });
const headers = { 'content-type': 'application/json' };
const infer = (url: string, path = '/infer') => fetch(url + path, { method: 'POST', headers, body });
const healthOf = async (url: string) => {
  const response = await fetch(`${url}/healthz`);
  return { http: response.status, ...((await response.json()) as Record<string, unknown>) };
};

t.test('READY is said once the model is verified and the port listens, with what serves', async (t) => {
  const { url, notified, said } = await startTestDaemon(t);
  t.match(notified, [`READY Serving imu-motif-tcn@`]);
  t.ok(notified[0]?.includes(url));
  t.match(said.at(-1), /^info Serving .* Try: curl -s http/);
});

t.test('the line to try works when pasted', async (t) => {
  const { said } = await startTestDaemon(t);
  const line = /Try: curl -s (\S+) -H '([^']+)' -d @(\S+)$/.exec(said.at(-1) ?? '');
  t.ok(line?.[1]?.startsWith('http'));
  t.ok(existsSync(line?.[3] ?? ''));
});

t.test('a monitor sees a latency before the first request: that of the golden windows', async (t) => {
  const { url, daemon } = await startTestDaemon(t);
  t.match(await healthOf(url), { latency_ms: Number });
  t.equal(daemon.state.lastInferenceMs, daemon.state.golden?.medianMs);
});

t.test('a strict hailo without a device is up, unhealthy, answers 503 and says why: it does not end', async (t) => {
  const { url, notified } = await startTestDaemon(t, {
    yaml: 'server: {port: 0}\nbackend: {kind: hailo}\n',
    watchdogMs: 10,
  });
  t.match(notified[0], /^READY Not serving imu-motif-tcn@.*no Hailo device/);
  t.match(await healthOf(url), { http: 503, ok: false, ready: false, backend: 'hailo', reason: /no Hailo device/ });
  const refusal = await infer(url);
  t.equal(refusal.status, 503);
  t.match(await refusal.json(), { error: { code: 'BACKEND_UNAVAILABLE' } });
  t.ok(Number(refusal.headers.get('retry-after')) >= 1);
  t.equal((await fetch(`${url}/health/live`)).status, 200);
  t.equal((await fetch(`${url}/test`, { method: 'POST' })).status, 503);
  t.match(await (await fetch(`${url}/metrics`)).text(), /^hailo_health_checks_total\{status="unhealthy"\} 1$/m);
  while (!notified.includes('WATCHDOG')) await new Promise((resolve) => setTimeout(resolve, 5));
});

t.test('the stub is loud everywhere', async (t) => {
  const { url, said } = await startTestDaemon(t, { yaml: 'server: {port: 0}\nbackend: {kind: stub}\n' });
  t.ok(said.some((line) => /^warn .*stub/.test(line)));
  t.match(await healthOf(url), {
    ok: true,
    status: 'degraded',
    backend: 'stub',
    degraded: true,
    degraded_reason: /not a model/,
  });
  t.match((await infer(url)).headers.get('x-degraded'), /not a model/);
});

t.test('a model without motif scores serves /encode, and /infer says what to do', async (t) => {
  const { directory } = writeTinyBundle(t.testdir(), { hasMotifs: false });
  const { url } = await startTestDaemon(t, { env: { MODEL_BUNDLE: directory } });
  t.equal((await infer(url, '/encode')).status, 200);
  const refusal = await infer(url);
  t.equal(refusal.status, 503);
  t.match(await refusal.json(), { error: { code: 'NO_MOTIF_SOURCE', message: /allow_uncalibrated_motifs/ } });
  t.match(await healthOf(url), { ok: true, motif_source: null });
});

t.test('uncalibrated scores are given only where allowed, and every reply says what they are', async (t) => {
  const { directory } = writeTinyBundle(t.testdir(), { hasMotifs: false });
  const yaml = 'server: {port: 0}\ninference: {allow_uncalibrated_motifs: true}\n';
  const { url } = await startTestDaemon(t, { yaml, env: { MODEL_BUNDLE: directory } });
  const reply = await infer(url);
  t.equal(reply.headers.get('x-motif-source'), 'uncalibrated');
  t.equal(((await reply.json()) as { motif_scores: number[] }).motif_scores.length, 12);
  t.match(await healthOf(url), { motif_source: 'uncalibrated' });
});

t.test('a start that fails says why and leaves nothing behind', async (t) => {
  const first = await startTestDaemon(t);
  const port = new URL(first.url).port;
  const start = (yaml: string, env = {}) => startTestDaemon(t, { yaml, env });
  await t.rejects(start(`server: {port: ${port}}\n`), {
    code: 'PORT_IN_USE',
    message: new RegExp(`127.0.0.1:${port}.*ss -ltnp`),
  });
  await t.rejects(start('server: {port: 0}\n', { MODEL_BUNDLE: '/nowhere' }), { code: 'MODEL_MISSING' });
  await t.rejects(start('server: {port: 0}\nmodel: {num_motifs: 7}\n'), {
    code: 'MODEL_INVALID',
    message: /NUM_MOTIFS.* 7.*12/,
  });
  t.equal((await infer(first.url)).status, 200, 'the first daemon still serves');
});

t.test('a model whose golden windows come out wrong is never served', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  const other = writeTinyBundle(join(directory, 'other'), { gain: 1.5 });
  cpSync(join(directory, 'golden.json'), join(other.directory, 'golden.json'));
  await t.rejects(startTestDaemon(t, { env: { MODEL_BUNDLE: other.directory } }), {
    code: 'MODEL_INVALID',
    message: /golden window "sine": cosine .*largest difference/,
  });
});

t.test('a reload puts reloadable keys in force, says what needs a restart, and survives a bad file', async (t) => {
  const { url, daemon, configFile, said, notified } = await startTestDaemon(t);
  const hot = JSON.stringify({ x: restWindow().map((row) => row.with(0, 600)) });
  const ask = async () => (await fetch(`${url}/infer`, { method: 'POST', headers, body: hot })).status;
  t.equal(await ask(), 422);

  writeFileSync(
    configFile,
    'server: {port: 0, max_connections: 7}\nbackend: {kind: cpu}\ninference: {validate_input_ranges: false}\n',
  );
  daemon.reload();
  t.equal(await ask(), 200);
  t.ok(said.some((line) => /^info .*validate_input_ranges is now in force/.test(line)));
  t.ok(said.some((line) => /^warn .*server\.max_connections has changed; restart/.test(line)));
  t.match(notified.slice(-2), [/^RELOADING/, /^READY Serving/]);

  appendFileSync(configFile, 'nonsense: 1\n');
  daemon.reload();
  t.equal(await ask(), 200, 'what was in force stays');
  t.match(said.at(-1), /^error configuration not reloaded.*:\d+:\d+: unknown key nonsense/);
  t.match(
    await (await fetch(`${url}/metrics`)).text(),
    /^hailo_config_ok\{expected="invalid",actual="[0-9a-f]{16}"\} 0$/m,
  );
});

t.test('connections beyond the limit are turned away, counted, and told once a minute', async (t) => {
  const { url, said } = await startTestDaemon(t, {
    yaml: 'server: {port: 0, max_connections: 2}\nbackend: {kind: stub}\n',
  });
  const port = Number(new URL(url).port);
  const open = async () => {
    const socket = connect(port, '127.0.0.1');
    t.teardown(() => socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };
  await open();
  await open();
  for (let i = 0; i < 3; i++) await once(await open(), 'close');
  t.equal(said.filter((line) => /^warn a connection was turned away: 2 are open/.test(line)).length, 1);
});

t.test('expectations that the model does not meet clear hailo_config_ok and relabel nothing', async (t) => {
  const env = { MODEL_VERSION: '9.9', MODEL_ACCURACY: '72.13%' };
  const { url, said } = await startTestDaemon(t, { env });
  t.ok(said.some((line) => /^warn .*9\.9/.test(line)));
  t.match(await (await fetch(`${url}/metrics`)).text(), /^hailo_config_ok\{.*\} 0$/m);
  t.not(((await (await infer(url, '/encode')).json()) as { model_version: string }).model_version, '9.9');
});

t.test('a stop answers what is in flight and refuses the rest', async (t) => {
  const yaml = 'server: {port: 0}\nbackend: {kind: cpu}\ninference: {deadline_ms: 5000}\n';
  const { url, stop, notified, daemon } = await startTestDaemon(t, { yaml });
  const inFlight = Array.from({ length: 20 }, () => infer(url));
  const arrived = () => {
    const { served, waiting, inFlight } = daemon.state.model!.gate.stats();
    return served + waiting + inFlight;
  };
  while (arrived() < 20) await new Promise((resolve) => setImmediate(resolve));
  const monitor = await openRaw(t, Number(new URL(url).port)); // connected before: nobody is let in any more
  const stopped = stop();
  monitor.socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
  await monitor.until(/"config_version":"\w+"}$/);
  t.match(monitor.said(), /^HTTP\/1\.1 503 [\s\S]*"ok":false,[\s\S]*"reason":"The daemon is stopping\."/);
  await stopped;
  const statuses = (await Promise.all(inFlight)).map(({ status }) => status);
  t.same([...new Set(statuses)], [200]);
  t.match(notified.at(-1), /^STOPPING/);
  await t.rejects(infer(url));
});

t.test('with drain_delay_ms a stop serves on first, unready, and tells systemd how long it may take', async (t) => {
  const yaml = 'server: {port: 0, drain_delay_ms: 60000, drain_timeout_ms: 2000}\nbackend: {kind: cpu}\n';
  const { url, stop, notified, daemon } = await startTestDaemon(t, { yaml });
  const stopped = stop();
  t.match(notified.slice(-2), [/^STOPPING/, 'EXTEND 72000'], 'STOPPING is first');
  const ready = await fetch(`${url}/health/ready`);
  t.same([ready.status, ((await ready.json()) as { reason: string }).reason], [503, 'The daemon is stopping.']);
  const served = await infer(url);
  t.same([served.status, served.headers.get('connection')], [200, 'close']);
  daemon.hurry();
  await stopped;
  await t.rejects(infer(url), 'a hurry ends it');
});

t.test('the delay ends by itself', async (t) => {
  const { stop, daemon } = await startTestDaemon(t, {
    yaml: 'server: {port: 0, drain_delay_ms: 300}\nbackend: {kind: stub}\n',
  });
  const since = daemon.state.clock();
  await stop();
  t.ok(daemon.state.clock() - since >= 299);
});

t.test('the watchdog is fed by proof: real answers or golden windows', async (t) => {
  const { notified } = await startTestDaemon(t, { watchdogMs: 20 });
  while (notified.filter((line) => line === 'WATCHDOG').length < 3)
    await new Promise((resolve) => setTimeout(resolve, 5));
  t.pass('fed');
});
