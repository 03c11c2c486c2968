import { messageOf, SidecarError } from '../../core/errors.ts';
import type { ModelRef } from '../store/store-state.ts';
import type { References } from './echo.ts';
import { type GateResult, judgeFingerprint, passGate, rehearse } from './rehearsal.ts';
import type { Resident } from './resident.ts';
import type { RolloutLimits } from './rollout-limits.ts';
import type { Seats } from './seats.ts';
import { passOrThrow, perform, toPerformer } from './side-by-side.ts';

export interface AuditionParts {
  readonly ref: ModelRef;
  readonly allowGap: boolean;
  readonly seats: Seats;
  open(ref: ModelRef): Promise<Resident>;
  readonly canHoldTwo: boolean;
  limits(): RolloutLimits;
}

/** A model that passed every gate and is ready to serve. */
export interface Admitted {
  readonly resident: Resident;
  readonly gates: readonly GateResult[];
  /** What both models gave for the golden windows and the latest real ones; null where they could not be compared. */
  readonly references: References | null;
  /** Undoes all that the audition did. */
  withdraw(): Promise<void>;
}

/** Why a model was not let in; the CLI shows the gates. */
export class RefusedModel extends SidecarError {
  readonly gates: readonly GateResult[];

  constructor(sentence: string, gates: readonly GateResult[], cause: unknown) {
    super('MODEL_REFUSED', sentence, { cause });
    this.gates = gates;
  }
}

/**
 * Loads a model beside the active one and asks everything of it that can be asked before it serves. Throws RefusedModel
 * with the gate that failed and by how much; the active model has served all the time, and has the device again.
 */
export async function audition(parts: AuditionParts): Promise<Admitted> {
  const gates: GateResult[] = [];
  const { seats, ref } = parts;
  const isGap = !parts.canHoldTwo && seats.active.model !== null; // nothing serves, nothing to lose
  if (isGap && !parts.allowGap) throw needsGap(ref);
  const seated = seats.candidate?.resident;
  let resident: Resident | null = seated?.ref === ref ? seated : null;
  const isSeated = resident !== null;
  const withdraw = async () => {
    if (isSeated) return;
    await resident?.close();
  };
  try {
    resident = await passGate(
      gates,
      'golden windows',
      () => (isSeated ? again(resident!) : parts.open(ref)),
      tellGolden,
    );
    requireSameTask(seats.active, resident);
    const before = parts.canHoldTwo ? await perform(seats.active, resident, parts.limits(), gates) : null;
    await passGate(
      gates,
      'device',
      () => takeDevice(resident!),
      (text) => text,
    );
    const references = parts.canHoldTwo ? before : await perform(seats.active, resident, parts.limits(), gates);
    await performOnDevice(parts, resident, gates);
    return { resident, gates, references, withdraw: () => giveBack(seats.active, withdraw) };
  } catch (thrown) {
    await giveBack(seats.active, withdraw);
    const failed = gates.find(({ ok }) => ok === false);
    const what = failed === undefined ? messageOf(thrown) : `${failed.name}: ${failed.text}`;
    throw new RefusedModel(`${ref} was not activated, ${seats.active.id} serves on. ${what}`, gates, thrown);
  }
}

function needsGap(ref: ModelRef): SidecarError {
  return new SidecarError(
    'MODEL_REFUSED',
    `backend.kind is hailo, and the device holds one model at a time: while ${ref} is opened on it, requests get 503 for about a second. Say --allow-gap to accept that, or set backend.kind to auto, where the CPU carries the gap.`,
  );
}

async function again(resident: Resident): Promise<Resident> {
  await resident.model?.runGolden();
  return resident;
}

/** Clients speak to the routes of one task. */
function requireSameTask({ bundle: { manifest: now } }: Resident, { bundle: { manifest: next } }: Resident): void {
  if (now.task === next.task) return;
  throw new SidecarError(
    'MODEL_REFUSED',
    `Its task is ${next.task}, this daemon serves ${now.task}: change model.bundle and restart.`,
  );
}

function tellGolden({ golden }: Resident): string {
  if (golden === null) return 'not run yet: the device is another model’s';
  return `${golden.windows} pass on ${golden.backend}, cosine ${golden.cosine.toFixed(7)}, largest difference ${golden.maxAbs.toExponential(1)}`;
}

async function takeDevice(resident: Resident): Promise<string> {
  await resident.model?.model.takeDevice?.();
  const { golden } = resident;
  if (golden?.backend !== 'hailo') return 'none to take';
  return `its golden windows pass there, cosine ${golden.cosine.toFixed(7)}`;
}

async function performOnDevice({ limits }: AuditionParts, next: Resident, gates: GateResult[]): Promise<void> {
  if (next.golden?.backend !== 'hailo') return;
  const performer = toPerformer(next, next.goldenInputs());
  if (performer === null) return;
  const [mine] = await rehearse([performer]);
  const expectedMs = next.bundle.artefacts.find(({ kind }) => kind === 'hef')?.expectedDeviceMs ?? null;
  const result = judgeFingerprint(mine!, expectedMs, limits().maxLatencyFactor);
  if (result !== null) passOrThrow(gates, result);
}

async function giveBack(active: Resident, withdraw: () => Promise<void>): Promise<void> {
  await active.model?.model.takeDevice?.().catch(() => {}); // it tells by its state, and tries again by itself
  await withdraw();
}
