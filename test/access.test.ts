import { execFile } from 'node:child_process';
import { lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { openAccess, readKeys } from '../src/access.ts';
import type { StreamReach } from '../src/cli/feed-reach.ts';
import { toConfig } from '../src/config/keys.ts';
import { loadConfig } from '../src/config/load.ts';
import { STREAM_SUBPROTOCOL } from '../src/core/stream-hello.ts';
import type { HttpServer } from '../src/http/server.ts';
import { reachConfigured, reachPort, reachUrl } from '../src/reach.ts';
import { createLines } from './admin/admin-socket.ts';
import { docsLines, restWindow, startTestDaemon } from './fakes/daemon.ts';
import { makeCertificate, whyNoOpenssl } from './fixtures/certificate.ts';
import { eventually } from './http/serving.ts';

/** The daemon with all of it: TLS, a token and a Unix socket. */
const skip = whyNoOpenssl();
const run = promisify(execFile);
const TOKEN = 'correct-horse-battery-staple';

async function startGuarded(t: Test) {
  const directory = mkdtempSync(join(tmpdir(), 'access-')); // a socket's path must be short
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const { certificate, key } = makeCertificate(directory, 'first');
  const socket = join(directory, 'http.sock');
  writeFileSync(join(directory, 'api-token'), `${TOKEN}\n`);
  process.env.CREDENTIALS_DIRECTORY = directory;
  t.teardown(() => {
    delete process.env.CREDENTIALS_DIRECTORY;
  });
  const yaml = [
    `server: {port: 0, unix_socket: ${socket}}`,
    'backend: {kind: cpu}',
    `security: {token_credential: api-token, tls_certificate: ${certificate}, tls_key: ${key}}\n`,
  ].join('\n');
  const daemon = await startTestDaemon(t, { yaml });
  const { config } = loadConfig({ path: daemon.configFile, env: { SIDECAR_PORT: new URL(daemon.url).port } });
  const tokenFile = join(directory, 'api-token');
  return { daemon, config, directory, socket, tokenFile, certificate, key };
}

t.test('each door asks what it should, and nowhere is the token told', { skip }, async (t) => {
  const { daemon, config, directory, socket, tokenFile, certificate } = await startGuarded(t);
  const infer = { method: 'POST', headers: { 'content-type': 'application/json' } };
  const body = JSON.stringify({ x: restWindow() });

  t.test('the port: health for all, the rest with the token', async (t) => {
    const stranger = reachPort(config, { tokenFile: null, env: {}, root: '/nowhere' });
    t.match(stranger.place, /^https:\/\/127\.0\.0\.1:\d+$/);
    t.equal((await stranger.ask('/healthz')).status, 200);
    await t.rejects(stranger.ask('/metrics'), { code: 'UNAUTHORIZED', message: /sudo, or .* --token-file/ });
    const friend = reachPort(config, { tokenFile, env: {} });
    t.equal((await friend.ask('/infer', { ...infer, body })).status, 200);
    writeFileSync(join(directory, 'other'), TOKEN.toUpperCase());
    const wrong = reachPort(config, { tokenFile: join(directory, 'other'), env: {} });
    await t.rejects(wrong.ask('/status'), { code: 'UNAUTHORIZED', message: /another token than the one/ });
    await t.rejects(reachUrl(friend.place, { tokenFile }).ask('/healthz'), /self-signed certificate/);
  });

  t.test('a command finds the token where the service has it', async (t) => {
    const root = t.testdir({ run: { credentials: { 'hailo-tcn-sidecar.service': { 'api-token': TOKEN } } } });
    t.equal((await reachPort(config, { tokenFile: null, env: {}, root }).ask('/status')).status, 200);
    const env = { CREDENTIALS_DIRECTORY: directory };
    t.equal((await reachPort(config, { tokenFile: null, env, root: '/nowhere' }).ask('/status')).status, 200);
  });

  t.test('a command takes the socket where there is one', async (t) => {
    const reach = reachConfigured(config, { tokenFile: null, env: {}, root: '/nowhere' });
    t.equal(reach.place, socket);
    t.equal((await reach.ask('/infer', { ...infer, body })).status, 200);
  });

  t.test('a server with another certificate does not get the token', async (t) => {
    const other = makeCertificate(directory, 'other');
    const both = join(directory, 'both.crt'); // as an authority of both would be behind each
    writeFileSync(both, readFileSync(other.certificate, 'utf8') + readFileSync(certificate, 'utf8'));
    for (const file of [other.certificate, both]) {
      const security = { ...config.security, tls_certificate: file };
      const reach = reachPort({ ...config, security }, { tokenFile, env: {} });
      await t.rejects(reach.ask('/status'), file === both ? /shows another certificate than/ : /certificate/);
    }
  });

  t.test('a WebSocket is opened by the same rules', async (t) => {
    const listener = { onText: () => {}, onClosed: () => {} };
    const connect = async (reach: StreamReach) => {
      (await reach.connect('/stream', STREAM_SUBPROTOCOL, listener)).close(1000);
    };
    await t.resolves(connect(reachConfigured(config, { tokenFile: null, env: {}, root: '/nowhere' })), 'the socket');
    await t.resolves(connect(reachPort(config, { tokenFile, env: {} })), 'TLS with the token');
    const stranger = connect(reachPort(config, { tokenFile: null, env: {}, root: '/nowhere' }));
    await t.rejects(stranger, { code: 'UNAUTHORIZED', message: /sudo, or .* --token-file/ });
    const other = makeCertificate(directory, 'third').certificate;
    const both = join(directory, 'both-of-them.crt');
    writeFileSync(both, readFileSync(other, 'utf8') + readFileSync(certificate, 'utf8'));
    for (const file of [other, both]) {
      const security = { ...config.security, tls_certificate: file };
      const deceived = connect(reachPort({ ...config, security }, { tokenFile, env: {} }));
      await t.rejects(deceived, file === both ? /shows another certificate than/ : /certificate/);
    }
    const { place } = reachPort(config, { tokenFile, env: {} });
    await t.rejects(connect(reachUrl(place, { tokenFile })), /self-signed certificate/);
  });

  t.test('each line of /docs works in a shell that has the token and the certificate', async (t) => {
    const { ask } = reachPort(config, { tokenFile, env: {} });
    const page = await (await ask('/docs')).text();
    t.match(page, /shell that has set TOKEN to [^<]*, and CURL_CA_BUNDLE to /);
    t.notMatch(page, directory, 'and names no file');
    const lines = docsLines(page);
    t.ok(lines.length > 10);
    const env = { ...process.env, TOKEN, CURL_CA_BUNDLE: certificate };
    for (const line of lines.filter((one) => !one.includes('/stream/STREAM/'))) {
      const script = `${line} -o /dev/null -w '%{http_code}'`;
      t.equal((await run('sh', ['-c', script], { env })).stdout, '200', line.slice(0, 100));
    }
  });

  t.test('lines, status and metrics tell how it is reached, and no secret', async (t) => {
    t.match(daemon.notified[0], `at https://127.0.0.1:${config.server.port} and ${socket} on`);
    t.match(
      daemon.said.find((line) => line.includes('Try:')),
      `Try: curl -s --unix-socket ${socket} http://localhost/infer`,
    );
    const { ask } = reachPort(config, { tokenFile, env: {} });
    const status = await (await ask('/status')).text();
    t.match(JSON.parse(status), { config: { security: { token_credential: 'set', tls_certificate: 'set' } } });
    const expiry = /^hailo_tls_certificate_expiry_timestamp_seconds (\S+)$/m.exec(await (await ask('/metrics')).text());
    const inDays = (Number(expiry?.[1]) - Date.now() / 1000) / 86400;
    t.ok(inDays > 1.9 && inDays <= 2);
    const openapi = await (await ask('/openapi.json')).json();
    t.match(openapi, { security: [{ bearer: [] }], components: { securitySchemes: { bearer: { scheme: 'bearer' } } } });
    t.notMatch([status, ...daemon.said, ...daemon.notified].join('\n'), new RegExp(TOKEN, 'i'));
  });
});

t.test('a renewal is in force after a SIGHUP, or by itself, and told', { skip }, async (t) => {
  const { daemon, config, directory, tokenFile } = await startGuarded(t);
  const before = await reachPort(config, { tokenFile, env: {} });
  makeCertificate(directory, 'first'); // over the old one
  daemon.daemon.reload();
  t.ok(daemon.said.some((line) => /^info TLS certificate reloaded: .*first\.crt/.test(line)));
  await t.rejects(before.ask('/status'), /certificate/, 'what was read before is not what is shown now');
  t.equal((await reachPort(config, { tokenFile, env: {} }).ask('/status')).status, 200);
  makeCertificate(directory, 'first');
  await eventually(() => daemon.said.filter((line) => /TLS certificate reloaded/.test(line)).length === 2);
});

t.test('the end takes the socket along', { skip }, async (t) => {
  const { daemon, socket } = await startGuarded(t);
  t.ok(lstatSync(socket).isSocket());
  t.equal(lstatSync(socket).mode & 0o777, 0o660);
  await daemon.stop();
  t.throws(() => lstatSync(socket), { code: 'ENOENT' });
});

t.test('what a key names must be there before anything is opened', async (t) => {
  const read = (keys: Record<string, string>) => () => readKeys(toConfig(new Map(Object.entries(keys))), {});
  t.throws(read({ 'security.token_credential': 'api-token' }), { code: 'CONFIG_INVALID' });
  t.throws(read({ 'security.tls_certificate': '/none', 'security.tls_key': '/none' }), { code: 'CONFIG_INVALID' });
  t.same(read({})(), { guard: null, pair: null });
  const yaml = 'server: {port: 0}\nsecurity: {token_credential: api-token}\n';
  await t.rejects(startTestDaemon(t, { yaml }), { code: 'CONFIG_INVALID', message: /CREDENTIALS_DIRECTORY/ });
});

t.test('a date that clients will refuse is told loudly, and served: the clock may be wrong', { skip }, async (t) => {
  const { certificate, key } = makeCertificate(t.testdir(), 'a');
  const config = toConfig(
    new Map(Object.entries({ 'security.tls_certificate': certificate, 'security.tls_key': key })),
  );
  const address = { host: '127.0.0.1', port: 1 };
  const server = { listen: async () => address, useCertificate() {} } as unknown as HttpServer;
  const keys = readKeys(config, {});
  const said = async (now: number) => {
    const { lines, log } = createLines();
    (await openAccess({ config, keys, server, log, now: () => now })).close();
    return lines.map(({ level, message }) => `${level} ${message}`);
  };
  t.same(await said(Date.now()), []);
  t.match(await said(0), [/^error .*a\.crt is not valid yet, or the clock of this machine is slow/]);
  t.match(await said(Date.now() + 3 * 86_400_000), [/^error .*a\.crt has expired on .*Renew it/]);
});
