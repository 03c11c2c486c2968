import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { messageOf, SidecarError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { inTime } from '../../core/timer.ts';
import { createDecoder, encodeFrame, type Frame, KIND } from './frames.ts';
import type { Fault, FromHost, Measurement, OpenRequest, Step, ToHost } from './messages.ts';
import { GROUP } from './pipeline.ts';
import type { DeviceEvent } from './vdevice.ts';

/** Starts a device host; its channel is file descriptor 3, its stderr a pipe. */
export type StartHost = () => ChildProcess;

export type HostReady = Extract<FromHost, { type: 'ready' }>;

export interface LinkParts {
  readonly startHost: StartHost;
  readonly request: OpenRequest;
  readonly log: Log;
  /** The host is gone or useless; nothing in flight will be answered. Called once, not after close(). */
  onLost(fault: Fault): void;
  onMeasured(measurement: Measurement): void;
  onEvent(event: DeviceEvent): void;
  /** A step of the opening is done. */
  onStep?(step: Step, text: string): void;
  /** Opening loads firmware and may take seconds; a host that takes longer is killed. */
  readonly openTimeoutMs?: number;
}

/** One device host, from its start to its end. */
export interface Link {
  /** Rejects with the host's own reason; the host is gone then. */
  readonly ready: Promise<HostReady>;
  /** Outputs of one window, one after the other. Rejects with BACKEND_UNAVAILABLE when the host is lost. */
  run(frame: Uint8Array): Promise<Float32Array>;
  /** Windows that were sent and not answered. */
  readonly inFlight: number;
  /** Asks for a measurement. */
  measure(): void;
  /** Lets the host release the device, then ends it; by force when it does not come to that. Idempotent. */
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (outputs: Float32Array) => void;
  readonly reject: (error: SidecarError) => void;
  readonly sentAt: number;
}

const OPEN_TIMEOUT_MS = 30_000;
const CLOSE_TIMEOUT_MS = 3000;
/** What a process that was killed has to end. */
const KILL_MS = 1000;
/** File descriptor of the channel in the host. */
const CHANNEL = 3;
/** The host has its own timeout per call; one that is not heard of after this much more hangs. */
const GRACE_MS = 250;
const STDERR_CHARS = 2000;

export function createLink(parts: LinkParts): Link {
  const { request, log } = parts;
  const child = parts.startHost();
  const channel = openChannel(child);
  const ready = Promise.withResolvers<HostReady>();
  const ended = Promise.withResolvers<void>();
  const pending = new Map<number, Pending>();
  /** Answers are held back until a group of windows is done, each of which may take its time; see pipeline.ts. */
  const patienceMs = () => request.timeoutMs * Math.max(1, Math.min(GROUP, pending.size)) + GRACE_MS;
  let nextTicket = 1;
  let isOver = false;
  let isClosing = false;
  let watch: NodeJS.Timeout | null = null;
  let said = '';
  let isReady = false;
  const steps: Step[] = [];
  let heardAt = 0;
  const opening = setTimeout(
    () => wedge(`did not open the device within ${openMs} ms (${progress()})`),
    parts.openTimeoutMs ?? OPEN_TIMEOUT_MS,
  );
  const openMs = parts.openTimeoutMs ?? OPEN_TIMEOUT_MS;

  /** Where it was, for who has to find out why it hangs or crashes. */
  function progress(): string {
    return isReady ? 'while it served' : `it got as far as: ${steps.join(', ') || 'nothing'}`;
  }

  function send(message: ToHost): void {
    channel.write(encodeFrame(KIND.control, 0, Buffer.from(JSON.stringify(message))));
  }

  /** The end of this link, whoever saw it first. */
  function lose(fault: Fault): void {
    if (isOver) return;
    isOver = true;
    clearTimeout(opening);
    clearTimeout(watch ?? undefined);
    const error = new SidecarError(fault.code, fault.message);
    ready.reject(error);
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
    if (!isClosing) parts.onLost(fault);
  }

  function wedge(what: string): void {
    lose(unavailable(`The device host ${what}, so it was ended.`));
    child.kill('SIGKILL');
  }

  function receive({ kind, ticket, payload }: Frame): void {
    if (kind === KIND.control) return hear(JSON.parse(payload.toString()) as FromHost);
    const caller = pending.get(ticket);
    pending.delete(ticket); // an unknown ticket is a late answer: nobody's
    heardAt = performance.now();
    caller?.resolve(toFloats(payload));
  }

  function hear(message: FromHost): void {
    if (message.type === 'ready') {
      clearTimeout(opening);
      isReady = true;
      ready.resolve(message);
    } else if (message.type === 'measured') parts.onMeasured(message);
    else if (message.type === 'event') parts.onEvent(message.event);
    else if (message.type === 'step') {
      steps.push(message.step);
      parts.onStep?.(message.step, message.text);
    } else if (message.type !== 'closed') lose(message.fault);
  }

  /** One timer for all windows in flight: a host hangs when it has not answered any of them for so long. */
  function look(): void {
    watch = null;
    const oldest = pending.values().next().value;
    if (oldest === undefined) return;
    const leftMs = Math.max(oldest.sentAt, heardAt) + patienceMs() - performance.now();
    if (leftMs <= 0) wedge(`did not answer a window within ${patienceMs()} ms`);
    else watch = setTimeout(look, leftMs);
  }

  function run(frame: Uint8Array): Promise<Float32Array> {
    if (isOver || isClosing) return Promise.reject(gone());
    const ticket = nextTicket;
    nextTicket = (nextTicket % 0xffff_ffff) + 1;
    return new Promise((resolve, reject) => {
      pending.set(ticket, { resolve, reject, sentAt: performance.now() });
      channel.write(encodeFrame(KIND.window, ticket, frame));
      watch ??= setTimeout(look, patienceMs());
    });
  }

  function exited(status: number | null, signal: string | null): void {
    const how = signal === null ? `status ${status}` : signal;
    const cure = isReady ? '' : ' libhailort crashes on a .hef that it cannot read: compile the model for its version.';
    lose(unavailable(`The device host ended with ${how} (${progress()}).${cure}`));
    if (said.trim() !== '' && !isClosing) log.warn({ stderr: said.trim() }, 'what the device host said last');
    ended.resolve();
  }

  async function close(): Promise<void> {
    isClosing = true;
    if (!isOver) send({ type: 'close' });
    const force = setTimeout(() => child.kill('SIGKILL'), CLOSE_TIMEOUT_MS);
    await inTime(ended.promise, CLOSE_TIMEOUT_MS + KILL_MS); // one that hangs in the driver is not ended even by SIGKILL
    clearTimeout(force);
  }

  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-STDERR_CHARS);
  });
  child.on('error', (error) => {
    lose(unavailable(`The device host cannot be started: ${error.message}.`));
    ended.resolve();
  });
  child.on('exit', exited);
  channel.on('error', () => {}); // a broken channel is the end of its process, which is told
  const decode = createDecoder(receive);
  channel.on('data', (chunk: Buffer) => {
    if (isOver) return;
    try {
      decode(chunk);
    } catch (thrown) {
      wedge(`spoke nonsense (${messageOf(thrown)})`); // a library may write over its memory, and over our channel
    }
  });
  ready.promise.catch(() => {}); // whoever awaits it hears of it
  send(request);
  return {
    ready: ready.promise,
    run,
    get inFlight() {
      return pending.size;
    },
    measure: () => void (isOver || send({ type: 'measure' })),
    close,
  };
}

/** Node gives a child without channels when it has no descriptors left; its `error` comes later. */
function openChannel(child: ChildProcess): Duplex {
  const channel = child.stdio?.[CHANNEL] as Duplex | null | undefined;
  if (channel) return channel;
  child.on('error', () => {});
  throw new SidecarError('BACKEND_UNAVAILABLE', 'The device host cannot be started: no file descriptors are left.');
}

const unavailable = (message: string): Fault => ({ code: 'BACKEND_UNAVAILABLE', status: null, message });

/** Aligned and the caller's own, which a piece of a network buffer is not. */
function toFloats(payload: Buffer): Float32Array {
  if (payload.length % 4 !== 0) throw new RangeError(`${payload.length} bytes are no float32 values`);
  const floats = new Float32Array(payload.length >> 2);
  new Uint8Array(floats.buffer).set(payload);
  return floats;
}

function gone(): SidecarError {
  return new SidecarError('BACKEND_UNAVAILABLE', 'The device host is gone; another one is being started.');
}
