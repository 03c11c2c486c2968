import { createHailoBackend, type HailoSettings, whyNoHef } from './backends/hailo/backend.ts';
import { type DetectedDevice, driverVersion } from './backends/hailo/detect.ts';
import { holdersOf } from './backends/hailo/holders.ts';
import type { StartHost } from './backends/hailo/link.ts';
import { STEPS, type Step } from './backends/hailo/messages.ts';
import type { Finding } from './cli/doctor.ts';
import type { LoadedModel } from './core/backend.ts';
import { messageOf } from './core/errors.ts';
import { artefactOf, type Bundle } from './models/bundle.ts';
import { checkGolden } from './models/golden.ts';
import { toSource } from './models/open.ts';
import { taskOf } from './parts.ts';

export interface WalkParts {
  readonly settings: HailoSettings;
  readonly bundle: Bundle;
  readonly device: DetectedDevice;
  readonly startHost: StartHost;
  /** What a device that does not serve is: wrong, or only a pity because the CPU may do the work. */
  readonly severity: 'failed' | 'warning';
  readonly root?: string;
}

/** What is looked at, in order; the step of an opening that each one shows, where it is one. */
export const STAGES = {
  'HailoRT library': 'library',
  versions: null,
  '.hef': 'hef',
  device: 'device',
  firmware: 'firmware',
  'network group': 'network',
  'golden parity': null,
  throughput: null,
} as const satisfies Record<string, Step | null>;
export type Stage = keyof typeof STAGES;

export type Walk = Partial<Record<Stage, Finding>>;

const WINDOWS = 200;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Opens the device as the daemon would, and shows each step; a stage that is missing was not reached. */
export async function walkDevice(parts: WalkParts): Promise<Walk> {
  const { bundle, severity } = parts;
  const id = `${bundle.manifest.name}@${bundle.manifest.version}`;
  if (artefactOf(bundle, 'hef') === null) return { '.hef': { state: severity, text: 'none', fix: whyNoHef(id) } };
  const told = new Map<Step, string>();
  const backend = createHailoBackend({
    ...parts,
    log: silent,
    onStep: (step, text) => told.set(step, text),
    retryDelayMs: () => 2 ** 31 - 1,
  });
  try {
    const model = await backend.load(toSource(bundle));
    const { available, reason } = backend.state();
    const opened = { ...toFindings(told), ...versions(parts, told.get('library')) };
    if (!available) return { ...opened, ...failure(parts, told, reason ?? 'The device does not serve.') };
    return { ...opened, ...(await prove(parts, model)) };
  } finally {
    await backend.close();
  }
}

function toFindings(told: ReadonlyMap<Step, string>): Walk {
  const walk: Walk = {};
  for (const [stage, step] of Object.entries(STAGES) as [Stage, Step | null][]) {
    const text = step === null ? undefined : told.get(step);
    if (text !== undefined) walk[stage] = { state: 'ok', text };
  }
  return walk;
}

/** Driver and library must be equal to the last number. */
function versions({ severity, root }: WalkParts, library: string | undefined): Walk {
  if (library === undefined) return {};
  const [ours, drivers] = [library, driverVersion(root) ?? ''].map((text) =>
    /\d+\.\d+\.\d+/.exec(text.split(' ').at(-1)!),
  );
  if (!drivers) return { versions: { state: 'ok', text: `library ${ours}; the driver does not tell its own` } };
  if (ours?.[0] === drivers[0]) return { versions: { state: 'ok', text: `driver and library are both ${ours}` } };
  const fix = 'They must be equal to the last number: on Raspberry Pi OS, apt full-upgrade and reboot.';
  return { versions: { state: severity, text: `the driver is ${drivers}, the library ${ours}`, fix } };
}

/** The first step that was not told is the one that went wrong. */
function failure(parts: WalkParts, told: ReadonlyMap<Step, string>, reason: string): Walk {
  const step = STEPS.find((step) => !told.has(step)) ?? 'network';
  const stage = (Object.keys(STAGES) as Stage[]).find((stage) => STAGES[stage] === step)!;
  return { [stage]: { state: parts.severity, text: 'does not work', fix: `${reason}${held(parts)}` } };
}

function held({ device, root }: WalkParts): string {
  const holders = device.node === null ? [] : holdersOf(device.node, root).filter(({ pid }) => pid !== process.pid);
  if (holders.length === 0) return '';
  return ` ${device.node} is open in: ${holders.map(({ name, pid }) => `${name} (pid ${pid})`).join(', ')}.`;
}

/** A device that answers wrongly is wrong everywhere. */
async function prove({ bundle }: WalkParts, model: LoadedModel): Promise<Walk> {
  const { manifest, golden } = bundle;
  const prepare = taskOf(manifest).prepare(manifest);
  try {
    const { windows, cosine, medianMs } = await checkGolden({ model, manifest, golden, prepare });
    const text = `${windows} golden windows pass on the device, cosine ${cosine.toFixed(5)}`;
    const window = prepare(Float32Array.from(golden.windows[0]?.x.flat() ?? []));
    const rate = `${medianMs.toFixed(2)} ms per window, ${Math.round(await perSecond(model, window))} windows/s`;
    return { 'golden parity': { state: 'ok', text }, throughput: { state: 'ok', text: rate } };
  } catch (thrown) {
    const fix = 'Compile the .hef again from this very .onnx; if it was right before, power-cycle the machine.';
    return { 'golden parity': { state: 'failed', text: messageOf(thrown), fix } };
  }
}

async function perSecond(model: LoadedModel, window: Float32Array): Promise<number> {
  const startAt = performance.now();
  let left = WINDOWS;
  const caller = async () => {
    while (left-- > 0) await model.run(window);
  };
  await Promise.all(Array.from({ length: model.capacity }, caller));
  return WINDOWS / ((performance.now() - startAt) / 1000);
}
