import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import Schema from 'typebox/schema';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Call } from '../../../../src/core/task.ts';
import { createStreamDocs } from '../../../../src/tasks/tcn/stream/stream-docs.ts';
import { CLIENT_EXAMPLES, SERVER_EXAMPLES } from '../../../../src/tasks/tcn/stream/stream-examples.ts';
import { CLIENT_MESSAGES, SERVER_MESSAGES } from '../../../../src/tasks/tcn/stream/stream-schema.ts';

const EXAMPLES = [...CLIENT_EXAMPLES, ...SERVER_EXAMPLES];

async function get(path: string, host = '', origin?: () => string) {
  const route = createStreamDocs(origin).find((one) => one.path === path)!;
  const call = { header: (name: string) => (name === 'host' ? host : '') } as Call;
  const { body, contentType, headers } = await route.handle(call);
  return { body: String(body), contentType, headers: Object.fromEntries(headers) };
}

const schema = JSON.parse((await get('/stream/schema.json')).body);
const fits = (name: string, message: unknown) =>
  Schema.Check({ ...schema, oneOf: [{ $ref: `#/$defs/${name}` }] }, message);
const fromHtml = (html: string) =>
  html.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
const blocks = (page: string) => [...page.matchAll(/<pre>([\s\S]*?)<\/pre>/g)].map(([, text]) => fromHtml(text!));

t.test('the schema has every message, and knows each from the others', async (t) => {
  t.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
  t.same(
    EXAMPLES.map(({ type }) => type),
    [...Object.keys(CLIENT_MESSAGES), ...Object.keys(SERVER_MESSAGES)],
  );
  for (const { type, example } of EXAMPLES) {
    const names = Object.keys(schema.$defs).filter((name) => fits(name, example));
    t.same(names, [CLIENT_EXAMPLES.some((one) => one.type === type) ? 'clientMessage' : 'serverMessage', type]);
    t.ok(Schema.Check(schema, example), `${type} is a message`);
    t.notOk(Schema.Check(schema, { ...example, more: 1 }), `${type} and no more than that`);
  }
});

t.test('every message on the page is one by the schema, and the page shows each with its schema', async (t) => {
  const { body, contentType, headers } = await get('/docs/stream');
  const shown = blocks(body);
  const messages = shown.filter((text) => text.startsWith('{"')).map((text) => JSON.parse(text));
  t.ok(messages.length > EXAMPLES.length);
  t.same(
    messages.filter((message) => !Schema.Check(schema, message)),
    [],
  );
  for (const [type, one] of Object.entries({ ...CLIENT_MESSAGES, ...SERVER_MESSAGES })) {
    t.ok(shown.includes(JSON.stringify(one, null, 2)), type);
  }
  t.equal(contentType, 'text/html; charset=utf-8');
  t.match(headers, { 'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'" });
  t.notMatch(body, /<script|src=|https?:\/\/(?!127\.0\.0\.1)/, 'no script, nothing from elsewhere');
});

t.test('the clients are shown as they are served, and fit on a page', async (t) => {
  const shown = blocks((await get('/docs/stream', 'box:9000')).body);
  for (const file of ['client.mjs', 'client.html']) {
    const { body } = await get(`/docs/stream/${file}`, 'box:9000');
    t.ok(shown.includes(body), file);
    t.ok(body.trimEnd().split('\n').length <= 30, '30 lines');
  }
});

t.test('they connect to where they came from; what is no host is not repeated', async (t) => {
  const urlOf = async (host: string, origin?: () => string) =>
    /'(wss?:.*)'/.exec((await get('/docs/stream/client.mjs', host, origin)).body)?.[1];
  t.equal(await urlOf('box.local:9000'), 'ws://box.local:9000/stream');
  t.equal(await urlOf('[fe80::1]:9000'), 'ws://[fe80::1]:9000/stream');
  t.equal(await urlOf('box:9443', () => 'https://127.0.0.1:9443'), 'wss://box:9443/stream');
  for (const host of ['', "a';evil()//", 'a b', 'a\r\nb', 'a;b']) {
    t.equal(await urlOf(host, () => 'http://127.0.0.1:9001'), 'ws://127.0.0.1:9001/stream', JSON.stringify(host));
    const { headers } = await get('/docs/stream/client.html', host);
    t.match(headers, { 'Content-Security-Policy': /connect-src 'self' ws:\/\/127.0.0.1:9000 wss:\/\/127.0.0.1:9000$/ });
  }
});

t.test('the browser’s page may run its script, this one alone', async (t) => {
  const { body, headers } = await get('/docs/stream/client.html');
  const script = /<script>([\s\S]*)<\/script>/.exec(body)![1]!;
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(script))).toString('base64');
  t.match(headers['Content-Security-Policy'], `script-src 'sha256-${digest}';`);
  t.doesNotThrow(() => new Function(script), 'it is JavaScript');
  t.notMatch(body, /\son\w+="|src=|href=/);
});

/** Runs the client as Node runs it, against a server that says what it is told to. */
async function runClient(
  t: Pick<Test, 'teardown'>,
  onMessage: (socket: WebSocket, data: Buffer, isBinary: boolean) => void,
  env = {},
) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const directory = mkdtempSync(join(tmpdir(), 'stream-client-'));
  const file = join(directory, 'client.mjs');
  writeFileSync(
    file,
    (await get('/docs/stream/client.mjs', `127.0.0.1:${(server.address() as AddressInfo).port}`)).body,
  );
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  t.teardown(() => {
    child.kill('SIGKILL');
    server.close();
    rmSync(directory, { recursive: true });
  });
  const offered: string[] = [];
  server.on('connection', (socket, request) => {
    offered.push(...(request.headers['sec-websocket-protocol'] ?? '').split(/, */));
    socket.on('message', (data, isBinary) => onMessage(socket, data as Buffer, isBinary));
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    printed += text;
  });
  const ended = once(child, 'close').then(([status]) => ({ status, printed, offered }));
  return { child, ended };
}

const exampleOf = (type: string) => JSON.stringify(SERVER_EXAMPLES.find((one) => one.type === type)!.example);

t.test(
  'the Node client sends binary frames as declared, prints motif and times, and ends when it is told to',
  async (t) => {
    const frames: Buffer[] = [];
    const texts: unknown[] = [];
    const { child, ended } = await runClient(
      t,
      (socket, data, isBinary) => {
        if (isBinary) {
          if (frames.push(data) === 2) socket.send(exampleOf('result'), () => child.kill('SIGINT'));
          return;
        }
        texts.push(JSON.parse(String(data)));
        if (texts.length === 1) return socket.send(exampleOf('ready'));
        socket.send(exampleOf('ended'));
        socket.close(1000);
      },
      { TOKEN: 'a?b>' },
    );
    const { status, printed, offered } = await ended;
    t.same(offered, ['tcn-stream.v1', `base64url.bearer.${Buffer.from('a?b>').toString('base64url')}`]);
    t.match(texts, [{ type: 'hello', rate_hz: 100 }, { type: 'end' }]);
    t.ok(texts.every((message) => fits('clientMessage', message)));
    t.match(printed, '770 to 1760 ms: walk 0.91\n');
    t.match(printed, `${exampleOf('ended')}\nclosed: 1000 \n`);
    t.equal(status, 0);
    let next = 0;
    for (const frame of frames) {
      const count = frame.readUInt16LE(2);
      t.same([frame[0], frame[1], frame.readUInt32LE(4), frame.readDoubleLE(8)], [1, 0, next, next * 10]);
      t.equal(frame.length, 16 + count * 36);
      next += count;
    }
    t.ok(Math.abs(frames[0]!.readFloatLE(16 + 8) - 9.8) < 1e-6, 'gravity');
  },
);

t.test('the Node client tells a close that it did not ask for by its exit status', async (t) => {
  const { ended } = await runClient(t, (socket) => socket.close(1013, 'OVERLOADED: try later'));
  const { status, printed, offered } = await ended;
  t.same([status, printed, offered], [1, 'closed: 1013 OVERLOADED: try later\n', ['tcn-stream.v1']]);
});
