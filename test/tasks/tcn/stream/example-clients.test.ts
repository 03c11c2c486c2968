import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import t, { type Test } from 'tap';
import Schema from 'typebox/schema';
import { type WebSocket, WebSocketServer } from 'ws';
import { BROWSER_CLIENT, createNodeClient } from '../../../../src/tasks/tcn/stream/example-clients.ts';
import { SERVER_EXAMPLES } from '../../../../src/tasks/tcn/stream/stream-examples.ts';
import { createStreamSchema } from '../../../../src/tasks/tcn/stream/stream-schema.ts';

const isClientMessage = (message: unknown) =>
  Schema.Check({ ...createStreamSchema(), oneOf: [{ $ref: '#/$defs/clientMessage' }] }, message);

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
  writeFileSync(file, createNodeClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
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
    t.ok(texts.every(isClientMessage));
    t.match(printed, '750 to 1740 ms: walk 0.9188\n');
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

/** Runs the page's script in a browser of three elements, whose time is the test's. */
function openPage() {
  const elements: Record<string, { textContent: string; onclick?: () => unknown }> = {};
  const script = /<script>([\s\S]*)<\/script>/.exec(BROWSER_CLIENT)![1]!;
  const page = {
    elements,
    sent: [] as unknown[],
    url: '',
    protocol: '',
    nowMs: 5000.25,
    socket: {} as Handlers,
    send: () => {},
  };
  let onMotion: (event: object) => void = () => {};
  const timers: (() => void)[] = [];
  class FakeSocket {
    constructor(url: URL, protocol: string) {
      Object.assign(page, { url: String(url), protocol, socket: this });
    }
    send(text: string) {
      page.sent.push(JSON.parse(text));
    }
  }
  runInNewContext(script, {
    document: { getElementById: (id: string) => (elements[id] ??= { textContent: '' }) },
    location: { href: 'https://box:9443/docs/stream/client.html#part' },
    performance: { now: () => page.nowMs },
    addEventListener: (_type: string, listener: (event: object) => void) => {
      onMotion = listener;
    },
    setTimeout: (run: () => void) => timers.push(run),
    setInterval: (run: (most: number) => void, _ms: number, most: number) => {
      page.send = () => run(most);
    },
    WebSocket: FakeSocket,
    URL,
  });
  const start = async () => {
    await elements.start!.onclick!();
    timers.shift()!();
    page.socket.onopen();
    page.socket.onmessage({ data: exampleOf('ready') });
  };
  return { page, start, move: (event: object) => onMotion(event) };
}

interface Handlers {
  onopen(): void;
  onmessage(event: { data: string }): void;
  onclose(event: { code: number; reason: string }): void;
}

t.test('the page streams a simulated walk where nothing moves, and shows what comes', async (t) => {
  const { page, start } = openPage();
  await start();
  page.nowMs += 250;
  page.send();
  page.nowMs += 20;
  page.send();
  t.same([page.url, page.protocol], ['wss://box:9443/stream', 'tcn-stream.v1']);
  const [hello, ...frames] = page.sent as { seq: number; t_ms: number; samples: number[][]; rate_hz: number }[];
  t.equal(hello!.rate_hz, 100);
  t.same(
    frames.map(({ seq, t_ms, samples }) => [seq, t_ms, samples.length]),
    [
      [0, 5000.25, 25],
      [25, 5250.25, 2],
    ],
  );
  t.ok(page.sent.every(isClientMessage));
  t.ok(frames.every(({ samples }) => samples.every((row) => row.length === 9)));
  page.socket.onmessage({ data: exampleOf('result') });
  t.equal(page.elements.motif!.textContent, 'walk');
  page.socket.onclose({ code: 1012, reason: 'STOPPING: later' });
  t.equal(page.elements.source!.textContent, 'closed: 1012 STOPPING: later');
});

t.test('the page streams the device’s motion at the rate that it comes at', async (t) => {
  const { page, start, move } = openPage();
  move({ timeStamp: 1, accelerationIncludingGravity: { x: null }, rotationRate: null });
  const moveOn = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      const accelerationIncludingGravity = { x: 1, y: 2, z: i };
      move({
        timeStamp: 4000 + i * 20,
        accelerationIncludingGravity,
        rotationRate: { alpha: 4, beta: 5, gamma: null },
      });
    }
  };
  moveOn(0, 3000); // a page that was left open for a minute
  await start();
  moveOn(3000, 3051);
  page.send();
  const [hello, frame, ...more] = page.sent as { rate_hz: number; units: object; t_ms: number; samples: number[][] }[];
  t.match(hello, { rate_hz: 50, units: { gyro: 'deg/s' } });
  t.match(frame, { seq: 0, t_ms: 64_000 });
  t.same(frame!.samples[7], [1, 2, 3007, 4, 5, 0, 0, 0, 0]);
  t.same([frame!.samples.length, more, page.sent.every(isClientMessage)], [51, [], true]);
});
