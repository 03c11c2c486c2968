import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from '../../packaging/project.ts';
import { buildLoad } from './open-loop.ts';

/** A window in which nothing looks wrong. */
const WALK = join(ROOT, 'packaging', 'models', 'default', 'examples', 'walk.json');

/** Streams at 100 Hz in real time; see stream-load.c. */
export interface StreamLoad {
  readonly port: number;
  readonly streams: number;
  readonly frameSamples: number;
  readonly hop: number;
  /** All join before the first sample is sent; else each begins at once, as streams come in real life. */
  readonly isHeld: boolean;
  readonly joinsPerSecond: number;
  readonly warmSeconds: number;
  readonly seconds: number;
  /** Of the hello. */
  readonly outputs: object;
  /** Core for the load, or null to let the kernel choose. */
  readonly core: number | null;
  readonly directory: string;
}

/** When to look at the server. */
export interface Moments {
  /** All have joined, none has sent a sample; only where they are held. */
  onConnected?(): void;
  onBegin(): void;
  onEnd(): void;
}

/** Milliseconds. */
type Spread = readonly [p50: number, p99: number, max: number];

export interface StreamResult {
  readonly running: number;
  /** Turned away, before the upgrade or after the hello. */
  readonly refused: number;
  /** Windows that the samples sent make, of the whole run; the next three as well. */
  readonly due: number;
  readonly results: number;
  /** Window numbers that were left out before the last one. */
  readonly skipped: number;
  /** As the daemon counts. */
  readonly dropped: number;
  /** Results while it was measured; the rest as well. */
  readonly measured: number;
  readonly perSecond: number;
  /** With the heads of WebSocket frames, for each result. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** From when a window's last sample was sent until its result had come. */
  readonly latency: Spread;
  /** How late samples were sent. */
  readonly late: Spread;
  /** Of the whole run: refusals and closes by status or code, 0 for messages that were neither a result nor expected. */
  readonly said: Readonly<Record<string, number>>;
  readonly cpuShare: number;
}

export async function runStreamLoad(load: StreamLoad, moments: Moments): Promise<StreamResult> {
  const { port, streams, frameSamples, hop, joinsPerSecond, isHeld, warmSeconds, seconds, core } = load;
  const figures = [port, streams, 100, frameSamples, hop, joinsPerSecond, isHeld ? 1 : 0, warmSeconds, seconds];
  const command = [buildLoad('stream-load', load.directory), ...figures.map(String), ...writeFiles(load)];
  const [program = '', ...args] = core === null ? command : ['taskset', '-c', String(core), ...command];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let result: StreamResult | null = null;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'connected') {
      moments.onConnected?.();
      child.stdin.write('\n');
    } else if (line === 'begin') moments.onBegin();
    else if (line === 'end') moments.onEnd();
    else result = JSON.parse(line);
  }
  if (result === null) throw new Error(`the load of streams ended without a result`);
  return result;
}

function writeFiles({ directory, hop, outputs }: StreamLoad): string[] {
  const [hello, rows] = [join(directory, 'hello.json'), join(directory, 'rows')];
  writeFileSync(hello, JSON.stringify({ type: 'hello', rate_hz: 100, hop, outputs }));
  const { x } = JSON.parse(readFileSync(WALK, 'utf8')) as { x: number[][] };
  writeFileSync(rows, new Uint8Array(Float32Array.from(x.flat()).buffer));
  return [hello, rows];
}
