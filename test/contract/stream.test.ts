import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startTestDaemon } from '../fakes/daemon.ts';
import { play, StreamClient, type StreamClientOptions, toFacts } from '../fakes/stream-client.ts';
import { makeCertificate, whyNoOpenssl } from '../fixtures/certificate.ts';
import { rows } from '../tasks/tcn/stream/connection.ts';

/** What a stream brings, by whichever door, against the daemon with the model that ships. */
const HELLO = { type: 'hello', rate_hz: 100, outputs: { latent: true, top_k: 3 } };
const samples = rows(0, 400);
const WINDOWS = Math.floor((samples.length - 100) / 25) + 1;
const TOKEN = 'correct-horse-battery-staple';

const directory = mkdtempSync(join(tmpdir(), 'stream-')); // a socket's path must be short
t.teardown(() => rmSync(directory, { recursive: true, force: true }));
const unixSocket = join(directory, 'http.sock');
const { url } = await startTestDaemon(t, { yaml: yamlOf({}) });

function yamlOf(security: object): string {
  const server = { port: 0, unix_socket: 'token_credential' in security ? null : unixSocket };
  const streams = { max_age_ms: 60_000 }; // nothing is too late on a busy machine
  const groups = Object.entries({ server, security, streams, backend: { kind: 'cpu' } });
  return groups.map(([name, keys]) => `${name}: ${JSON.stringify(keys)}\n`).join('');
}

/** A whole stream; all that came, after a close with 1000. */
async function stream(t: Test, origin: string, isJson: (frame: number) => boolean, options: StreamClientOptions = {}) {
  const client = await StreamClient.open(t, origin, options);
  client.say(HELLO);
  let frames = 0;
  await play(client, { samples, rateHz: 100, cut: () => 17, isJson: () => isJson(frames++) }, 0);
  client.say({ type: 'end' });
  t.same(await client.closed, [1000, 'ended']);
  t.same([client.messages.at(0)?.type, client.messages.at(-1)?.type], ['ready', 'ended']);
  t.match(client.messages.at(-1), { windows: WINDOWS, dropped: 0, samples: samples.length });
  return client.of('result').map(toFacts);
}

const reference = await stream(t, url, () => false);

t.test('each result is what /infer answers for the window, to the bit', async (t) => {
  t.equal(reference.length, WINDOWS);
  for (const { window, latent, motif_scores, start_ms, end_ms, dropped, filled } of reference) {
    const x = samples.slice(window * 25, window * 25 + 100);
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}/infer`, { method: 'POST', headers, body: JSON.stringify({ x }) });
    t.same({ latent, motif_scores }, await response.json());
    t.same([start_ms, end_ms, dropped, filled], [window * 250, window * 250 + 990, 0, 0]);
  }
});

t.test('JSON and binary, in turn too, give the same bytes but for the times of the machine', async (t) => {
  for (const isJson of [() => true, (frame: number) => frame % 2 === 0]) {
    t.equal(JSON.stringify(await stream(t, url, isJson)), JSON.stringify(reference));
  }
});

t.test('the Unix socket gives the same', async (t) => {
  const results = await stream(t, `ws+unix://${unixSocket}`, (frame) => frame % 3 === 0);
  t.equal(JSON.stringify(results), JSON.stringify(reference));
});

t.test(
  'TLS gives the same to who has the token, in either form, and 401 to who has not',
  {
    skip: whyNoOpenssl(),
  },
  async (t) => {
    const { certificate, key } = makeCertificate(directory, 'stream');
    writeFileSync(join(directory, 'api-token'), `${TOKEN}\n`);
    process.env.CREDENTIALS_DIRECTORY = directory;
    t.teardown(() => {
      delete process.env.CREDENTIALS_DIRECTORY;
    });
    const security = { token_credential: 'api-token', tls_certificate: certificate, tls_key: key };
    const yaml = yamlOf(security).replace(unixSocket, join(directory, 'other.sock'));
    const guarded = await startTestDaemon(t, { yaml });
    t.match(guarded.url, /^https:/);
    const trusting = { rejectUnauthorized: false };
    const token = Buffer.from(TOKEN).toString('base64url');
    for (const shown of [
      { headers: { authorization: `Bearer ${TOKEN}` } },
      { protocols: [`base64url.bearer.${token}`] },
    ]) {
      const results = await stream(t, guarded.url, () => false, { ...trusting, ...shown });
      t.equal(JSON.stringify(results), JSON.stringify(reference));
    }
    for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
      await t.rejects(StreamClient.open(t, guarded.url, { ...trusting, headers }), /401/);
    }
    t.notMatch([...guarded.written, ...guarded.notified].join('\n'), TOKEN);
  },
);
