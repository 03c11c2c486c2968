import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { messageOf, SidecarError } from '../../core/errors.ts';
import { showVersion } from './abi.ts';
import { detectDevices, driverVersion } from './detect.ts';
import { dieWithParent, openFfi } from './ffi.ts';
import { createDecoder, encodeFrame, type Frame, KIND } from './frames.ts';
import { HailoError } from './hailo-error.ts';
import { holdersOf } from './holders.ts';
import { libraryCandidates } from './library.ts';
import type { Fault, FromHost, Measurement, OpenRequest, Step, ToHost } from './messages.ts';
import { type Answer, createPipeline, type Pipeline } from './pipeline.ts';
import { libraryVersion, openSession, type Session } from './session.ts';
import type { DeviceEvent } from './vdevice.ts';

/** File descriptor of the channel, see link.ts. */
const CHANNEL = 3;

/**
 * The process that owns libhailort, which can crash, hang and leak: one session, from `open` to `close` or to its first
 * fault. It ends by SIGKILL, because an orderly exit would wait for a thread that hangs in the library; the driver frees
 * the device with the process.
 */
export async function hostCommand(): Promise<number> {
  await dieWithParent();
  const channel = new Socket({ fd: CHANNEL, readable: true, writable: true });
  let closing: Promise<void> | null = null;
  let isMeasuring = false;
  let session: Session | null = null;
  let pipeline: Pipeline | null = null;
  const say = (message: FromHost) => channel.write(encodeFrame(KIND.control, 0, Buffer.from(JSON.stringify(message))));
  const end = () => channel.end(() => process.kill(process.pid, 'SIGKILL'));

  async function open(request: OpenRequest): Promise<void> {
    try {
      const opened = await openDevice(request, say);
      session = opened.session;
      const answer = (answers: readonly Answer[]) => {
        const frames = answers.map(({ ticket, payload }) => encodeFrame(KIND.window, ticket, payload));
        channel.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames));
      };
      pipeline = createPipeline(session, { answer, lost: (thrown) => lost(thrown) }, request);
      say({
        type: 'ready',
        identity: session.identity,
        library: opened.library,
        isTransposed: session.crossing.isTransposed,
      });
    } catch (thrown) {
      say({ type: 'failed', fault: toFault(thrown) });
      end();
    }
  }

  function lost(thrown: unknown): void {
    if (closing !== null) return; // what is in flight at a close is aborted by it
    say({ type: 'lost', fault: toFault(thrown) });
    void close();
  }

  /** Once: two releases at a time would get into each other's way. */
  function close(): Promise<void> {
    closing ??= release();
    return closing;
  }

  async function release(): Promise<void> {
    await session?.close().catch(() => {});
    say({ type: 'closed' });
    end();
  }

  async function control(message: ToHost): Promise<void> {
    if (message.type === 'open') return open(message);
    if (message.type === 'close') return close();
    if (session === null || pipeline === null || isMeasuring) return; // a device that is slow to tell is not asked twice
    isMeasuring = true;
    say({ type: 'measured', ...(await measure(session, pipeline)) });
    isMeasuring = false;
  }

  function receive({ kind, ticket, payload }: Frame): void {
    if (kind === KIND.control) void control(JSON.parse(payload.toString()) as ToHost);
    else pipeline?.push(ticket, Buffer.from(payload));
  }

  channel.on('data', createDecoder(receive));
  channel.on('error', () => process.kill(process.pid, 'SIGKILL'));
  channel.on('end', () => process.kill(process.pid, 'SIGKILL')); // the daemon is gone
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {}); // the daemon says when
  return new Promise<number>(() => {});
}

/** Not every board tells everything. */
async function measure(session: Session, pipeline: Pipeline): Promise<Measurement> {
  return {
    temperaturesCelsius: await session.temperatures().catch(() => []),
    powerWatts: await session.power().catch(() => null),
    clockHz: await session.clock().catch(() => null),
    ...pipeline.work(),
  };
}

async function openDevice(
  request: OpenRequest,
  say: (message: FromHost) => void,
): Promise<{ session: Session; library: string }> {
  const hef = readVerified(request);
  const ffi = await openFfi(libraryCandidates(request.library, driverVersion()));
  const version = showVersion(libraryVersion(ffi));
  const onStep = (step: Step, text: string) => say({ type: 'step', step, text });
  onStep('library', `${ffi.path}, version ${version}`);
  try {
    const onEvent = (event: DeviceEvent) => say({ type: 'event', event });
    return { session: await openSession(ffi, { ...request, hef, onEvent, onStep }), library: version };
  } catch (thrown) {
    throw withFacts(thrown, version);
  }
}

const INVALID_DRIVER_VERSION = 76;
const TAKEN = [73, 74];

/** What the library cannot know: two versions that must be equal and are not; who has the device. */
function withFacts(thrown: unknown, library: string): unknown {
  if (!(thrown instanceof HailoError)) return thrown;
  const facts: string[] = [];
  if (thrown.status === INVALID_DRIVER_VERSION)
    facts.push(`The library is ${library}, the driver ${driverVersion() ?? 'of unknown version'}.`);
  if (TAKEN.includes(thrown.status)) facts.push(...showHolders());
  if (facts.length === 0) return thrown;
  return new SidecarError('BACKEND_UNAVAILABLE', [thrown.message, ...facts].join(' '), { cause: thrown });
}

function showHolders(): string[] {
  const nodes = detectDevices().flatMap(({ node }) => (node === null ? [] : [node]));
  return nodes.flatMap((node) => {
    const holders = holdersOf(node).filter(({ pid }) => pid !== process.pid);
    const list = holders.map(({ name, pid }) => `${name} (pid ${pid})`).join(', ');
    return list === '' ? [] : [`${node} is open in: ${list}.`];
  });
}

/** The bytes are checked as they go to the library, so nobody can change them in between. */
function readVerified({ hefPath, hefSha256 }: OpenRequest): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(hefPath);
  } catch (cause) {
    throw new SidecarError('MODEL_INVALID', `${hefPath} cannot be read: ${messageOf(cause)}.`, { cause });
  }
  if (createHash('sha256').update(bytes).digest('hex') === hefSha256) return bytes;
  throw new SidecarError('MODEL_INVALID', `${hefPath} has changed since it was verified; copy the bundle again.`);
}

function toFault(thrown: unknown): Fault {
  const code =
    thrown instanceof SidecarError && thrown.code === 'MODEL_INVALID' ? 'MODEL_INVALID' : 'BACKEND_UNAVAILABLE';
  return { code, message: messageOf(thrown), status: thrown instanceof HailoError ? thrown.status : null };
}
