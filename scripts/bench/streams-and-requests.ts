import { connect } from 'node:net';
import { runOpenLoop, toWire } from './open-loop.ts';
import type { Bench } from './part.ts';
import { type BenchRequest, inferRequests } from './requests.ts';
import type { StreamRun } from './streams.ts';
import { toMarkdown } from './swap-figures.ts';
import type { Target } from './targets.ts';
import { threadCpu } from './thread-cpu.ts';

const PER_SECOND = 4000;
const CONNECTIONS = 1000;

/** The windows of a thousand streams as single requests, each window whole, over as many connections. */
export async function compareWithRequests(
  bench: Bench,
  target: Target,
  streams: { readonly scores: StreamRun; readonly all: StreamRun },
): Promise<void> {
  const [json, binary] = inferRequests().filter(({ what }) => what === 'float32 digits' || what === 'binary');
  const rows = [
    streamRow('stream, binary frames of 25: scores', streams.scores),
    streamRow('stream, binary frames of 25: scores and latent', streams.all),
    await requestRow(bench, target, 'POST /infer, binary', binary!),
    await requestRow(bench, target, 'POST /infer, JSON', json!),
  ];
  const header = ['a window as', 'windows/s', 'bytes up', 'bytes down', 'daemon CPU µs', 'p50 ms', 'p99 ms', 'not 200'];
  console.log(`## A window by stream and by request\n\n${toMarkdown(header, rows)}\n`);
}

function streamRow(what: string, { result, cpuUsPerWindow }: StreamRun): string[] {
  const { perSecond, bytesUp, bytesDown, latency } = result;
  const figures = [perSecond, bytesUp, bytesDown, cpuUsPerWindow].map((value) => value.toFixed(0));
  return [what, ...figures, latency[0].toFixed(1), latency[1].toFixed(1), '–'];
}

async function requestRow(bench: Bench, target: Target, what: string, request: BenchRequest): Promise<string[]> {
  const { directory } = bench;
  const seconds = bench.seconds * 3;
  const { body, headers } = { ...request, body: request.body ?? '' };
  const load = {
    port: target.port,
    perSecond: PER_SECOND,
    connections: CONNECTIONS,
    body,
    headers,
    core: 1,
    directory,
  };
  await runOpenLoop({ ...load, seconds: 1 });
  const before = threadCpu(target.pid);
  const seen = await runOpenLoop({ ...load, seconds });
  const after = threadCpu(target.pid);
  const wire = toWire(body, headers);
  const cpu = (after.main + after.others - before.main - before.others) / seen.ok;
  const bytesDown = await replyBytes(target.port, wire);
  const figures = [seen.ok / seconds, wire.length, bytesDown, cpu].map((value) => value.toFixed(0));
  return [what, ...figures, seen.accepted.p50.toFixed(1), seen.accepted.p99.toFixed(1), seen.errors];
}

/** Of one reply as it comes over the wire. */
function replyBytes(port: number, wire: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(wire));
    let reply = '';
    socket.setEncoding('latin1').on('data', (text) => {
      reply += text;
      const headBytes = reply.indexOf('\r\n\r\n') + 4;
      const size = headBytes + Number(/content-length: *(\d+)/i.exec(reply)?.[1]);
      if (headBytes < 4 || !(reply.length >= size)) return;
      socket.destroy();
      resolve(size);
    });
    socket.on('error', reject);
  });
}
