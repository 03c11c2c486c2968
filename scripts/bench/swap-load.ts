import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import type { Trace } from './swap-figures.ts';

/**
 * Requests at fixed times until "stop" comes in on stdin, each over a connection that is kept alive and has nothing else
 * to do: one that waits for its reply holds up nobody. Latencies count from the time a request was due. A thread sleeps
 * between the due times, because a timer is a millisecond coarse and spinning would take a core from the server.
 * Usage: node swap-load.ts PORT PER_SECOND TRACE_FILE BODY_FILE…. "body N" on stdin sends the Nth body from then on.
 */
const [port = 0, perSecond = 500] = process.argv.slice(2, 4).map(Number);
const [traceFile = '', ...bodyFiles] = process.argv.slice(4);
const wires = bodyFiles.map((file) => toWire(readFileSync(file)));
const GRACE_MS = 3000;
const LANES = 64;

interface Lane {
  readonly socket: Socket;
  /** Index of the request that waits for its reply. */
  waits: number | null;
  seen: string;
}

const trace: Trace = { due: [], sent: [], done: [], status: [], error: [] };
const idle: Lane[] = [];
const now = () => Number(process.hrtime.bigint()) / 1e6; // the same clock in all processes
let body = 0;
let waiting = 0;

function toWire(content: Buffer): Buffer {
  const head = `POST /infer HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${content.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), content]);
}

function openLane(): Lane {
  const lane: Lane = { socket: connect(port, '127.0.0.1'), waits: null, seen: '' };
  lane.socket.setNoDelay(true);
  lane.socket.on('error', () => {}); // a close follows
  lane.socket.on('data', (chunk) => receive(lane, chunk.toString('latin1')));
  lane.socket.on('close', () => lose(lane));
  return lane;
}

function receive(lane: Lane, text: string): void {
  lane.seen += text;
  const end = lane.seen.indexOf('\r\n\r\n');
  if (end < 0) return;
  const length = Number(/content-length: (\d+)/i.exec(lane.seen)?.[1] ?? 0);
  if (lane.seen.length < end + 4 + length) return;
  const status = Number(lane.seen.slice(9, 12));
  note(lane, status, status === 200 ? '' : (/"code":"(\w+)"/.exec(lane.seen)?.[1] ?? `status ${status}`));
  lane.seen = '';
  idle.push(lane);
}

/** The status 0 stands for a request that got no reply. */
function lose(lane: Lane): void {
  const at = idle.indexOf(lane);
  if (at >= 0) idle.splice(at, 1);
  if (lane.waits !== null) note(lane, 0, 'no reply');
}

function note(lane: Lane, status: number, error: string): void {
  const i = lane.waits;
  if (i === null) return;
  trace.done[i] = now();
  trace.status[i] = status;
  trace.error[i] = error;
  lane.waits = null;
  waiting -= 1;
}

function send(dueAt: number): void {
  const lane = idle.pop() ?? openLane();
  const i = trace.due.push(dueAt) - 1;
  trace.sent[i] = now();
  trace.done[i] = Number.NaN;
  trace.status[i] = 0;
  trace.error[i] = 'no reply';
  lane.waits = i;
  waiting += 1;
  lane.socket.write(wires[body] ?? '');
}

async function finish(): Promise<void> {
  await metronome.terminate();
  for (const until = now() + GRACE_MS; waiting > 0 && now() < until; ) await new Promise((go) => setTimeout(go, 10));
  if (existsSync(dirname(traceFile))) writeFileSync(traceFile, JSON.stringify(trace));
  process.exit(0);
}

for (let i = 0; i < LANES; i++) idle.push(openLane());
const startAt = now() + 200;
const metronome = new Worker(
  `const { parentPort, workerData: { startAt, everyMs } } = require('node:worker_threads');
   const still = new Int32Array(new SharedArrayBuffer(4));
   for (let i = 0; ; i++) {
     const dueAt = startAt + i * everyMs;
     const leftMs = dueAt - Number(process.hrtime.bigint()) / 1e6;
     if (leftMs > 0) Atomics.wait(still, 0, 0, leftMs);
     parentPort.postMessage(dueAt);
   }`,
  { eval: true, workerData: { startAt, everyMs: 1000 / perSecond } },
);
metronome.on('message', send);
const orders = createInterface({ input: process.stdin });
orders.on('line', (line) => {
  if (line.startsWith('body ')) body = Number(line.slice(5));
  else orders.close();
});
orders.on('close', () => void finish()); // also when whoever started it is gone
