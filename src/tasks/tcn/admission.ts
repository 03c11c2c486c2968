import { SidecarError } from '../../core/errors.ts';
import type { ServedModel, Ticket } from '../../core/model.ts';
import type { Call, TaskDeps } from '../../core/task.ts';
import type { Motifs } from './motifs.ts';
import type { Plan } from './plan.ts';

/** Turns away what would be turned away later, before it costs the reading of a window. */
export function admit(
  call: Call,
  deps: TaskDeps,
  { runner }: ServedModel,
  ticket: Ticket,
  windows = 1,
  taken = 0,
): void {
  deps.admit(call, windows, taken);
  const refusal = runner.refusal(ticket);
  if (refusal !== null) throw refusal;
}

/** The source of a model's scores, or the rule that stands in for one where the operator allowed it; null without either. */
export function motifsOf(plan: Plan, isUncalibratedAllowed: boolean): Motifs | null {
  return plan.calibrated ?? (isUncalibratedAllowed ? plan.uncalibrated : null);
}

/** motifsOf() for whoever cannot answer without. @throws SidecarError NO_MOTIF_SOURCE */
export function requireMotifs(model: ServedModel, plan: Plan, isUncalibratedAllowed: boolean): Motifs {
  const motifs = motifsOf(plan, isUncalibratedAllowed);
  if (motifs !== null) return motifs;
  throw new SidecarError(
    'NO_MOTIF_SOURCE',
    `Model ${model.id} has no motif scores and its bundle no motif head; /encode serves its latents. ` +
      'Add a head to the bundle, serve a model with motif_scores, or set inference.allow_uncalibrated_motifs.',
  );
}
