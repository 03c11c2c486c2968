import { messageOf, SidecarError } from '../../core/errors.ts';
import type { GoldenFigures } from '../golden.ts';
import type { References } from './echo.ts';
import { type GateResult, judgeLatency, judgeOutputs, type Performer, type Rehearsal, rehearse } from './rehearsal.ts';
import type { Resident } from './resident.ts';
import type { RolloutLimits } from './rollout-limits.ts';

/** More would tell little more, and the active model computes them beside its traffic. */
const RECENTS = 12;
/** A machine that is busy with something else for a moment is no reason to turn a model away. */
const TRIES = 3;
/** So many times as slow is no bad moment. */
const CLEARLY = 5;
/** Below that a busy machine explains any factor. */
const HOPELESS_MS = 10;

/** Both models compute the same windows, side by side: the golden ones of both, and the latest that clients really sent. */
export async function perform(
  active: Resident,
  next: Resident,
  { maxLatencyFactor: maxFactor, mayLackScores = false }: RolloutLimits,
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
  passOrThrow(gates, judgeScores(active, next, mayLackScores));
  requireNotHopeless(active, next, maxFactor, gates);
  for (let tries = 1; ; tries++) {
    const [found, before] = await sideBySide(mine, theirs, next, gates);
    const latency = judgeLatency(found, before, maxFactor);
    const isClear = before === null || found.fastestMs > CLEARLY * before.fastestMs;
    if (!latency.ok && tries < TRIES && !isClear) continue;
    passOrThrow(gates, judgeOutputs(found));
    passOrThrow(gates, latency);
    return before && { now: found.latents, before: before.latents };
  }
}

/** Clients that get motif scores now would get 503; those that read them by their place must hear of another order. */
function judgeScores(active: Resident, next: Resident, mayLack: boolean): GateResult {
  const name = 'motif scores';
  const [before, count] = [active.scoreCount, next.scoreCount];
  if (before > 0 && count === 0 && !mayLack) {
    const text = `${next.id} has none and ${active.id} has ${before}: /infer would answer 503. Give it a head with "model fit-motifs"`;
    return { name, ok: false, text };
  }
  if (before !== count) return { name, ok: null, text: `mind that there are ${count}, before ${before}` };
  const [now, then] = [active.labels.join(', '), next.labels.join(', ')];
  if (now !== then)
    return { name, ok: null, text: `mind that they are called otherwise, or in another order: ${then || 'no names'}` };
  return { name, ok: true, text: `${count}, as before` };
}

/** Its golden windows tell already: every further window would take the time from those who wait for an answer. */
function requireNotHopeless(active: Resident, next: Resident, maxFactor: number, gates: GateResult[]): void {
  const { golden: before } = active;
  const { golden: found } = next;
  if (before === null || found === null || before.backend !== found.backend || found.medianMs < HOPELESS_MS) return;
  const toRehearsal = ({ medianMs, backend }: GoldenFigures) => ({
    inputs: [],
    latents: [],
    fastestMs: medianMs,
    backend,
  });
  const verdict = judgeLatency(toRehearsal(found), toRehearsal(before), maxFactor * CLEARLY);
  if (verdict.ok === false) passOrThrow(gates, judgeLatency(toRehearsal(found), toRehearsal(before), maxFactor));
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

/** null while it is not loaded. */
export function toPerformer(resident: Resident, inputs: readonly Float32Array[]): Performer | null {
  if (resident.model === null) return null;
  const { model } = resident.model;
  return {
    model,
    inputs,
    toVectors: (outputs) => resident.toVectors(outputs),
  };
}

/** A gate that is shut ends the audition. Throws MODEL_REFUSED. */
export function passOrThrow(gates: GateResult[], result: GateResult): void {
  gates.push(result);
  if (result.ok === false) throw new SidecarError('MODEL_REFUSED', result.text);
}
