import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Ready } from '../../src/core/stream-events.ts';
import { BINARY_HEADER_BYTES, type Hello, STREAM_SUBPROTOCOL } from '../../src/core/stream-hello.ts';

const WINDOW = 100;
const COLUMNS = 9;

export interface StreamDaemonOptions {
  readonly maxAhead?: number;
  /** Closes the connection with this code after that many results, once. */
  readonly breakAfter?: number;
  readonly breakCode?: number;
  readonly breakReason?: string;
  /** What a client that comes again to its stream is told. */
  readonly forgets?: boolean;
  /** HTTP status for the first so many upgrades. */
  readonly refuse?: { readonly times: number; readonly status: number; readonly headers?: Record<string, string> };
  readonly unixPath?: string;
  /** How many samples it needs no more although the results that they went into were not told yet. */
  readonly early?: number;
  /** Right after it is ready. */
  readonly says?: readonly object[];
  /** Refuses each frame with this. */
  readonly refusal?: string;
  /** What it says at the end. */
  readonly dropped?: number;
  /** How long a window takes. */
  readonly delayMs?: number;
}

export interface StreamDaemon {
  readonly url: string;
  readonly hellos: Hello[];
  readonly headers: Record<string, unknown>[];
  /** What each connection asked for. */
  readonly paths: string[];
  /** Numbers of samples as they came, again where they came again. */
  readonly seqs: number[];
  /** First number and time of each frame. */
  readonly frames: { seq: number; tMs: number; samples: number }[];
  readonly values: Map<number, number[]>;
  /** Where each connection began to send, and what it was told to be needed. */
  readonly begins: { told: number | null; seq: number | null }[];
  /** How far a sample was ahead of what had been told to be needed. */
  farthestAhead: number;
  ended: number;
  /** Ends each connection without a word. */
  cut(): void;
}

interface Stream {
  readonly token: string;
  readonly hop: number;
  rows: Map<number, number[]>;
  times: Map<number, number>;
  begin: number;
  window: number;
  last: number;
  lastResult: object | null;
}

/** As the daemon behaves at /stream, for those who send: windows of 100 samples that follow each other, the motif by the sign of ax. */
export async function startStreamDaemon(t: Pick<Test, 'teardown'>, options: StreamDaemonOptions = {}) {
  const server = createServer((_request, response) => response.writeHead(404).end());
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => STREAM_SUBPROTOCOL });
  const daemon: StreamDaemon = {
    url: '',
    hellos: [],
    headers: [],
    paths: [],
    seqs: [],
    frames: [],
    values: new Map(),
    begins: [],
    farthestAhead: 0,
    ended: 0,
    cut: () => {
      for (const client of sockets.clients) client.terminate();
    },
  };
  const streams = new Map<string, Stream>();
  let refusals = options.refuse?.times ?? 0;
  const state = { mayBreak: options.breakAfter !== undefined };
  server.on('upgrade', (request, socket, head) => {
    if (refusals > 0 && options.refuse !== undefined) {
      refusals -= 1;
      const body = JSON.stringify({ error: { code: 'QUEUE_FULL', message: 'no room for another stream' } });
      const lines = Object.entries({ ...options.refuse.headers, 'content-length': String(body.length) });
      const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      socket.end(`HTTP/1.1 ${options.refuse.status} No\r\n${head}\r\n${body}`);
      return;
    }
    daemon.headers.push(request.headers);
    daemon.paths.push(request.url ?? '');
    sockets.handleUpgrade(request, socket, head, (client) => serve(client, daemon, streams, options, state));
  });
  await listen(server, options.unixPath);
  t.teardown(() => {
    daemon.cut();
    server.close();
    server.closeAllConnections();
  });
  const port = options.unixPath === undefined ? (server.address() as AddressInfo).port : 0;
  return Object.assign(daemon, { url: `http://127.0.0.1:${port}` });
}

function listen(server: Server, unixPath: string | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (unixPath === undefined) server.listen(0, '127.0.0.1', resolve);
    else server.listen(unixPath, resolve);
  });
}

function serve(
  client: WebSocket,
  daemon: StreamDaemon,
  streams: Map<string, Stream>,
  options: StreamDaemonOptions,
  state: { mayBreak: boolean },
): void {
  const send = (event: object) => client.send(JSON.stringify(event));
  let stream: Stream | null = null;
  let isEnding = false;
  let isBusy = false;

  const isBreaking = () => state.mayBreak && stream?.window === options.breakAfter;
  const breakOff = () => {
    state.mayBreak = false;
    if (options.breakCode === undefined) client.terminate();
    else client.close(options.breakCode, options.breakReason);
  };
  const tell = async (from: Stream) => {
    for (let event = nextEvent(from, options.early); event !== null; event = nextEvent(from, options.early)) {
      if (options.delayMs) await new Promise((resolve) => setTimeout(resolve, options.delayMs));
      if (client.readyState !== client.OPEN) return;
      send(event);
      if (isBreaking()) return breakOff();
    }
    isBusy = false;
  };
  const work = async () => {
    if (isBusy || stream === null) return;
    isBusy = true;
    await tell(stream);
    if (isBusy || !isEnding) return;
    isEnding = false;
    daemon.ended += 1;
    send({ type: 'ended', windows: stream.window, dropped: options.dropped ?? 0, samples: stream.rows.size });
    client.close(1000);
  };

  const takeOrRefuse = (data: Buffer, into: Stream) => {
    if (options.refusal === undefined) return take(data, into, daemon);
    send({ type: 'error', error: { code: 'INVALID_INPUT', message: options.refusal }, detail: null, close: null });
  };

  client.on('message', (data: Buffer, isBinary) => {
    if (isBinary && stream !== null) {
      takeOrRefuse(data, stream);
      return void work();
    }
    const message = JSON.parse(String(data)) as Hello | { type: 'end' };
    if (message.type === 'end') {
      isEnding = true;
      return void work();
    }
    daemon.hellos.push(message);
    const known = options.forgets ? undefined : streams.get(message.resume?.token ?? '');
    stream = known ?? newStream(message, streams);
    const ready = toReady(message, stream, known !== undefined, options);
    daemon.begins.push({ told: ready.next_seq, seq: null });
    send(ready);
    if (ready.resumed && stream.lastResult !== null) send(stream.lastResult); // told twice
    for (const event of options.says ?? []) send(event);
  });
}

function newStream({ hop = 25 }: Hello, streams: Map<string, Stream>): Stream {
  const token = `token-${streams.size + 1}`;
  const stream = { token, hop, rows: new Map(), times: new Map(), begin: -1, window: 0, last: -1, lastResult: null };
  streams.set(token, stream);
  return stream;
}

function take(data: Buffer, stream: Stream, daemon: StreamDaemon): void {
  const samples = data.readUInt16LE(2);
  const seq = data.readUInt32LE(4);
  const tMs = data.readDoubleLE(8);
  daemon.frames.push({ seq, tMs, samples });
  const here = daemon.begins.at(-1);
  if (here !== undefined) here.seq ??= seq;
  for (let i = 0; i < samples; i += 1) {
    const row = Array.from({ length: COLUMNS }, (_, c) =>
      data.readFloatLE(BINARY_HEADER_BYTES + (i * COLUMNS + c) * 4),
    );
    daemon.seqs.push(seq + i);
    daemon.values.set(seq + i, row);
    stream.rows.set(seq + i, row);
    stream.times.set(seq + i, tMs + i * 10);
    if (stream.begin < 0) stream.begin = seq;
    daemon.farthestAhead = Math.max(daemon.farthestAhead, seq + i - stream.begin);
    stream.last = Math.max(stream.last, seq + i);
  }
}

/** A gap begins the window anew behind it. */
function nextEvent(stream: Stream, early = 0) {
  if (stream.begin < 0) return null;
  for (let seq = stream.begin; seq < stream.begin + WINDOW; seq += 1) {
    if (stream.rows.has(seq)) continue;
    if (seq > stream.last) return null;
    let to = seq;
    while (!stream.rows.has(to)) to += 1;
    stream.begin = to;
    const times = { from_ms: stream.times.get(seq - 1) ?? 0, to_ms: stream.times.get(to) ?? 0 };
    const what = { missing: to - seq, action: 'restarted', reason: 'missing', next_seq: to };
    return { type: 'gap', ...times, ...what };
  }
  stream.lastResult = toResult(stream, early);
  return stream.lastResult;
}

function toResult(stream: Stream, early: number) {
  const { begin, hop } = stream;
  const index = (stream.rows.get(begin)?.[0] ?? 0) < 0 ? 1 : 0;
  const motif = { index, name: ['rest', 'walk'][index] ?? null };
  const [startMs, endMs] = [stream.times.get(begin) ?? 0, stream.times.get(begin + WINDOW - 1) ?? 0];
  stream.begin += hop;
  stream.window += 1;
  return {
    type: 'result',
    window: stream.window - 1,
    start_ms: startMs,
    end_ms: endMs,
    next_seq: stream.begin + early,
    filled: 0,
    top: [{ ...motif, score: 0.75 }],
    motif: { ...motif, since_ms: endMs },
    model: 'fake@1',
    backend: 'cpu',
    degraded: null,
    dropped: 0,
    queue_ms: 0,
    infer_ms: 0,
  };
}

function toReady(hello: Hello, stream: Stream, resumed: boolean, options: StreamDaemonOptions): Ready {
  return {
    type: 'ready',
    protocol: 1,
    stream: 's1',
    token: stream.token,
    resumed,
    ...(hello.resume !== undefined && !resumed && { reason: 'the token is not known here' }),
    next_seq: stream.begin < 0 ? null : stream.begin + (options.early ?? 0),
    model: 'fake@1',
    backend: 'cpu',
    degraded: null,
    rate_hz: hello.rate_hz,
    window: { samples: WINDOW, rate_hz: 100, hop: stream.hop },
    resampling: null,
    channels: hello.channels ?? [],
    units: { acc: 'm/s2', gyro: 'rad/s', mag: 'uT', ...hello.units },
    outputs: { latent: false, motif_scores: true, top_k: 1, ...hello.outputs },
    motif_source: 'fake',
    smoothing: { tau_ms: 0, hysteresis: 0, dwell_ms: 0 },
    gaps: { policy: 'restart', max_ms: 100, reorder_ms: 100 },
    limits: {
      max_frame_bytes: 65_536,
      max_frame_samples: 512,
      max_ahead_samples: options.maxAhead ?? 1000,
      max_age_ms: 1000,
      idle_timeout_ms: 60_000,
      resume_ms: 30_000,
    },
  };
}
