import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import Schema from 'typebox/schema';
import { WebSocket } from 'ws';
import { docsLines, startTestDaemon } from '../fakes/daemon.ts';

const run = promisify(execFile);

/** What is documented of streams, against the daemon that serves it. */
const { url } = await startTestDaemon(t);
const page = await (await fetch(`${url}/docs/stream`)).text();
const schema = (await (await fetch(`${url}/stream/schema.json`)).json()) as { $defs: object };
const isServerMessage = (message: unknown) =>
  Schema.Check({ ...schema, oneOf: [{ $ref: '#/$defs/serverMessage' }] }, message);

t.test('the line of the page brings a client that runs as it is, until Ctrl-C', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'stream-docs-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const line = docsLines(page).find((one) => one.includes('client.mjs'))!;
  const [fetching, starting] = line.split(' && ');
  await run('sh', ['-c', fetching!], { cwd: directory });
  t.equal(starting, 'node client.mjs');
  const child = spawn(process.execPath, ['client.mjs'], { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    printed += text;
    if (printed.split(' ms: ').length === 4) child.kill('SIGINT');
  });
  const [status] = await once(child, 'close');
  t.equal(status, 0, printed);
  t.match(printed, /\n0 to 990 ms: walk [\d.]+\n250 to 1240 ms: walk /);
  t.match(printed, /\{"type":"ended",.*\}\nclosed: 1000 /);
});

t.test('every message that comes is one by the served schema', async (t) => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/stream`, 'tcn-stream.v1');
  const messages: { type: string }[] = [];
  socket.on('message', (data) => void messages.push(JSON.parse(String(data))));
  await once(socket, 'open');
  const say = (message: object) => socket.send(JSON.stringify(message));
  const rows = (count: number) => Array.from({ length: count }, () => [0.1, -0.2, 9.8, 0, 0, 0, 22, 0.5, -43]);
  say({ type: 'hello', rate_hz: 50, outputs: { latent: true, top_k: 3 }, gaps: { policy: 'hold' } });
  say({ type: 'samples', seq: 0, t_ms: 0, samples: rows(80) });
  say({ type: 'samples', seq: 0, t_ms: 0, samples: rows(10) });
  say({ type: 'samples', seq: 80, samples: [[1]] });
  say({ type: 'samples', seq: 400, t_ms: 8000, samples: rows(60) });
  say({ type: 'end' });
  const [code] = await once(socket, 'close');
  t.equal(code, 1000);
  t.same(
    messages.filter((message) => !isServerMessage(message)),
    [],
  );
  t.same([...new Set(messages.map(({ type }) => type))].sort(), ['ended', 'error', 'gap', 'notice', 'ready', 'result']);
});
