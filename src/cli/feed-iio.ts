import { SidecarError } from '../core/errors.ts';
import { SI_UNITS } from '../core/stream-hello.ts';
import { canCapture, openCapture, type Scan } from '../system/iio-capture.ts';
import { type IioChannel, type IioDevice, readIioDevices } from '../system/iio-devices.ts';
import { pollChannels } from '../system/iio-poll.ts';
import { refuseMeaningless } from './feed-meaningless.ts';
import type { FeedOptions } from './feed-options.ts';
import { Numbering, newTally, type Recording, type Sample, type Tally } from './feed-recording.ts';

/** The kernel's names of the nine channels, in the order in which they are sent. */
const NAMES = ['accel', 'anglvel', 'magn'].flatMap((kind) => ['x', 'y', 'z'].map((axis) => `${kind}_${axis}`));
const UT_IN_GAUSS = 100;
/** The clock of a device, or of a program that asks it, is steady, but not exact. */
const JITTER = 0.2;

export const isIio = (operand: string) => operand === 'iio' || operand.startsWith('iio:');

/** Opens the devices that the operand names: "iio" all, "iio:NAME,1" by name or number. */
export function openIio(options: FeedOptions, now: () => number, signal: AbortSignal): Recording {
  refuseMeaningless(options, 'iio');
  const { operand, root, capture } = options;
  const devices = choose(readIioDevices(root), operand);
  const assigned = assign(devices, operand);
  const whole = assigned.every(({ device }) => device === assigned[0]?.device) ? assigned[0]?.device : undefined;
  const isBuffered = capture !== 'poll' && whole !== undefined && canCapture(whole, NAMES);
  if (capture === 'buffer' && !isBuffered) throw noBuffer(operand);
  const parts = { options, assigned, tally: newTally(), now, signal };
  return isBuffered ? captured(whole, parts) : polled(devices, parts);
}

interface Assigned {
  readonly device: IioDevice;
  readonly channel: IioChannel;
  readonly scale: number;
}

interface Parts {
  readonly options: FeedOptions;
  readonly assigned: readonly Assigned[];
  readonly tally: Tally;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

function captured(device: IioDevice, parts: Parts): Recording {
  const { options, signal } = parts;
  const rateHz = options.text.rateHz ?? device.rateHz;
  if (rateHz === null) throw noRate(options.operand);
  const capture = openCapture(device, NAMES, options.root, signal);
  const how = `the buffer of ${device.name} (${device.node}) at ${rateHz} Hz, ${capture.hasTimes ? 'with its times' : 'without times'}`;
  return { ...toRecording([how], [device], rateHz, parts, () => capture.scans()), close: () => capture.close() };
}

function polled(devices: readonly IioDevice[], parts: Parts): Recording {
  const { options, assigned, now, signal } = parts;
  const rates = devices.flatMap(({ rateHz }) => rateHz ?? []);
  const slowest = rates.length === 0 ? null : Math.min(...rates);
  const rateHz = options.text.rateHz ?? slowest;
  if (rateHz === null) throw noRate(options.operand);
  const channels = assigned.map(({ channel }) => channel);
  const how = `${devices.map(({ name, node }) => `${name} (${node})`).join(', ')} asked ${rateHz} times a second`;
  const recording = toRecording([how], devices, rateHz, parts, () => pollChannels(channels, rateHz, now, signal));
  if (slowest === null || slowest >= rateHz) return recording;
  const warning = `a device gives only ${slowest} values a second: some will come twice`;
  return { ...recording, warnings: [...recording.warnings, warning] };
}

function toRecording(
  understood: readonly string[],
  devices: readonly IioDevice[],
  rateHz: number,
  { assigned, options, tally }: Parts,
  scans: () => AsyncIterable<Scan>,
): Recording {
  const turned = devices.filter(({ isMounted }) => isMounted).map(({ name }) => name);
  return {
    name: options.operand,
    rateHz,
    units: SI_UNITS,
    understood,
    warnings: turned.map(
      (name) => `${name} is mounted turned (its mount_matrix), and the values are sent as it gives them`,
    ),
    isLive: true,
    isFile: false,
    tally,
    samples: () => toSamples(scans(), assigned, new Numbering(rateHz, JITTER, tally)),
    close: () => {},
  };
}

async function* toSamples(
  scans: AsyncIterable<Scan>,
  assigned: readonly Assigned[],
  numbering: Numbering,
): AsyncGenerator<Sample> {
  for await (const { timeMs, raw } of scans) {
    const values = Float32Array.from(
      assigned,
      ({ channel, scale }, i) => ((raw[i] ?? Number.NaN) + channel.offset) * scale,
    );
    yield { ...numbering.next(timeMs), values };
  }
}

function choose(devices: readonly IioDevice[], operand: string): IioDevice[] {
  if (operand === 'iio') return [...devices];
  const names = operand.slice(4).split(',');
  return names.map((name) => {
    const found = devices.filter((d) => [d.name, d.node, d.node.slice(4), d.node.slice(10)].includes(name));
    if (found[0] !== undefined && found.length === 1) return found[0];
    const there = devices.map((device) => `${device.name} (${device.node})`).join(', ') || 'none with such channels';
    const what =
      found.length === 0 ? `There is no IIO device "${name}"` : `More than one IIO device is called "${name}"`;
    throw new SidecarError('NOT_FOUND', `${what}. There is: ${there}. Name it by its number, e.g. iio:0.`);
  });
}

/** Each channel from the one device that has it. */
function assign(devices: readonly IioDevice[], operand: string): Assigned[] {
  const missing = NAMES.filter((name) => !devices.some(({ channels }) => channels.has(name)));
  if (missing.length > 0) {
    const looked = devices.map(({ name }) => name).join(', ') || 'no IIO device at all';
    const sentence = `${operand}: there is no channel ${missing.join(', ')} (in ${looked}); the model needs all nine, and none is made up.`;
    throw new SidecarError('NOT_FOUND', sentence);
  }
  return NAMES.map((name) => {
    const having = devices.filter(({ channels }) => channels.has(name));
    const [device] = having;
    const channel = device?.channels.get(name);
    if (device === undefined || channel === undefined || having.length > 1) throw twice(name, having);
    if (channel.scale === null) {
      const sentence = `${device.name} (${device.node}) does not say the scale of in_${name}: what its numbers mean is not known.`;
      throw new SidecarError('UNAVAILABLE', sentence);
    }
    return { device, channel, scale: channel.scale * (name.startsWith('magn') ? UT_IN_GAUSS : 1) };
  });
}

function twice(name: string, devices: readonly IioDevice[]): SidecarError {
  const list = devices.map((device) => `${device.name} (${device.node})`).join(' and ');
  return new SidecarError('USAGE', `feed: in_${name} is in ${list}: say which ones with iio:NAME,NAME or iio:0,2.`);
}

function noRate(operand: string): SidecarError {
  return new SidecarError('USAGE', `feed: ${operand} does not say how fast it samples: say it, e.g. --rate 100.`);
}

function noBuffer(operand: string): SidecarError {
  return new SidecarError(
    'USAGE',
    `feed: ${operand} has no one device with a buffer for all nine channels: --capture poll.`,
  );
}
