import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

/**
 * Requests at fixed times, whether or not the earlier ones were answered; each latency counts from the time its request
 * was due, so a stall shows in every request behind it. Spins between due times: timers are a millisecond coarse.
 * Usage: node open-loop.ts PORT PER_SECOND SECONDS BODY_FILE. Prints one JSON object.
 */
const [port = 0, perSecond = 250, seconds = 10] = process.argv.slice(2, 5).map(Number);
const bodyFile = process.argv[5] ?? '';
const body = (await import('node:fs')).readFileSync(bodyFile);
const head = `POST /infer HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
const wire = Buffer.concat([Buffer.from(head), body]);

interface Lane {
  readonly socket: Socket;
  dueAt: number | null;
  seen: string;
}

const latencies: number[] = [];
let notOk = 0;
let late = 0;

function openLane(): Promise<Lane> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(lane));
    const lane: Lane = { socket, dueAt: null, seen: '' };
    socket.setNoDelay(true);
    socket.on('error', reject);
    socket.on('data', (chunk) => receive(lane, chunk.toString('latin1')));
  });
}

function receive(lane: Lane, text: string): void {
  lane.seen += text;
  const end = lane.seen.indexOf('\r\n\r\n');
  if (end < 0) return;
  const length = Number(/content-length: (\d+)/i.exec(lane.seen)?.[1] ?? 0);
  if (lane.seen.length < end + 4 + length) return;
  if (!lane.seen.startsWith('HTTP/1.1 200')) notOk += 1;
  latencies.push(performance.now() - (lane.dueAt ?? 0));
  lane.dueAt = null;
  lane.seen = '';
}

const lanes = await Promise.all(Array.from({ length: 16 }, openLane));
const startAt = performance.now() + 50;
const total = perSecond * seconds;
let sent = 0;

function tick(): void {
  const now = performance.now();
  while (sent < total && now >= startAt + (sent * 1000) / perSecond) {
    const lane = lanes.find((candidate) => candidate.dueAt === null);
    if (lane === undefined) {
      late += 1;
      break;
    }
    lane.dueAt = startAt + (sent * 1000) / perSecond;
    lane.socket.write(wire);
    sent += 1;
  }
  if (latencies.length < total) setImmediate(tick);
  else report();
}

function report(): void {
  latencies.sort((a, b) => a - b);
  const at = (q: number) => latencies[Math.min(latencies.length - 1, Math.floor(q * latencies.length))];
  console.log(
    JSON.stringify({
      requests: total,
      notOk,
      waitedForLane: late,
      p50Ms: at(0.5),
      p95Ms: at(0.95),
      p99Ms: at(0.99),
      maxMs: at(1),
    }),
  );
  for (const { socket } of lanes) socket.destroy();
}

tick();
