import { messageOf, SidecarError } from '../../core/errors.ts';
import type { ModelRef } from '../store/store-state.ts';
import type { References } from './echo.ts';
import {
  type GateResult,
  judgeFingerprint,
  judgeLatency,
  judgeOutputs,
  type Performer,
  passGate,
  type Rehearsal,
  rehearse,
} from './rehearsal.ts';
import type { Resident } from './resident.ts';
import type { RolloutLimits } from './rollout-limits.ts';
import type { Seats } from './seats.ts';

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
    const before = parts.canHoldTwo ? await perform(parts, resident, gates) : null;
    await passGate(
      gates,
      'device',
      () => takeDevice(resident!),
      (text) => text,
    );
    const references = parts.canHoldTwo ? before : await perform(parts, resident, gates);
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

/** More would tell little more, and the active model computes them beside its traffic. */
const RECENTS = 12;
/** A machine that is busy with something else for a moment is no reason to turn a model away. */
const TRIES = 3;

/** Both models compute the same windows, side by side: the golden ones of both, and the latest that clients really sent. */
async function perform(
  { seats: { active }, limits }: AuditionParts,
  next: Resident,
  gates: GateResult[],
): Promise<References | null> {
  const windows = [
    ...active.goldenInputs(),
    ...next.goldenInputs().map(next.toInputOf(active)),
    ...active.recents.windows().slice(0, RECENTS),
  ];
  const theirs = toPerformer(active, windows);
  const mine = toPerformer(next, windows.map(active.toInputOf(next)));
  if (mine === null) return null;
  for (let tries = 1; ; tries++) {
    const [found, before] = await sideBySide(mine, theirs, next, gates);
    const latency = judgeLatency(found, before, limits().maxLatencyFactor);
    if (!latency.ok && tries < TRIES) continue;
    require(gates, judgeOutputs(found));
    require(gates, latency);
    return before && { now: found.latents, before: before.latents };
  }
}

/**
 * Where the active model has no answer to a window either, or does not run at all, the new one is asked its own golden
 * windows alone: then there is nothing to compare with.
 */
async function sideBySide(
  mine: Performer,
  theirs: Performer | null,
  next: Resident,
  gates: GateResult[],
): Promise<[Rehearsal, Rehearsal | null]> {
  const isSound = theirs !== null && (await rehearse([theirs]).then(isDone, isNot));
  const alone = { ...mine, inputs: next.goldenInputs() };
  const run = () => rehearse(isSound ? [mine, theirs] : [alone]);
  const [found, before = null] = await run().catch((thrown) => {
    gates.push({ name: 'outputs', ok: false, text: messageOf(thrown) });
    throw thrown;
  });
  return [found!, before];
}

const isDone = () => true;
const isNot = () => false;

async function performOnDevice({ limits }: AuditionParts, next: Resident, gates: GateResult[]): Promise<void> {
  if (next.golden?.backend !== 'hailo') return;
  const performer = toPerformer(next, next.goldenInputs());
  if (performer === null) return;
  const [mine] = await rehearse([performer]);
  const expectedMs = next.bundle.artefacts.find(({ kind }) => kind === 'hef')?.expectedDeviceMs ?? null;
  const result = judgeFingerprint(mine!, expectedMs, limits().maxLatencyFactor);
  if (result !== null) require(gates, result);
}

function toPerformer(resident: Resident, inputs: readonly Float32Array[]): Performer | null {
  if (resident.model === null) return null;
  const { model } = resident.model;
  return {
    model,
    inputs,
    toVectors: (outputs) => resident.toVectors(outputs),
  };
}

function require(gates: GateResult[], result: GateResult): void {
  gates.push(result);
  if (result.ok === false) throw new SidecarError('MODEL_REFUSED', result.text);
}

async function giveBack(active: Resident, withdraw: () => Promise<void>): Promise<void> {
  await active.model?.model.takeDevice?.().catch(() => {}); // it tells by its state, and tries again by itself
  await withdraw();
}
