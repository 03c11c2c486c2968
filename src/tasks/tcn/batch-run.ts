import { type SidecarError, toSidecarError } from '../../core/errors.ts';
import type { ServedModel, Ticket, TimedInference } from '../../core/model.ts';
import type { InferenceRecord } from '../../core/task.ts';
import { returnInput } from './input-pool.ts';
import type { Motifs } from './motifs.ts';
import { type Answer, toAnswer } from './outputs.ts';
import type { Plan } from './plan.ts';

/** What became of one of several windows. */
export type Outcome = Answer | SidecarError;

/** The outcomes in the order of the windows, and who gave the first answer; null when there is none. */
export interface BatchOutcome {
  readonly outcomes: readonly Outcome[];
  readonly inference: InferenceRecord | null;
}

/** Runs all windows that could be read, each with an end of its own: no failure touches another. Never rejects. */
export async function runBatch(
  model: ServedModel,
  { plan, motifs }: { readonly plan: Plan; readonly motifs: Motifs | null },
  inputs: readonly (Float32Array | SidecarError)[],
  ticket: Ticket,
): Promise<BatchOutcome> {
  const [only] = inputs; // most requests of a tensor protocol have one window
  const isOne = only !== undefined && inputs.length === 1;
  const all = () => Promise.all(inputs.map((input) => settle(model, input, ticket)));
  const runs = isOne ? [await settle(model, only, ticket)] : await all();
  const outcomes = runs.map((run) => ('outputs' in run ? judge(run, plan, motifs) : run));
  const first = runs.find((run, i) => 'outputs' in run && 'latent' in outcomes[i]!);
  return { outcomes, inference: first === undefined ? null : toRecord(model, first as TimedInference) };
}

async function settle(
  model: ServedModel,
  input: Float32Array | SidecarError,
  ticket: Ticket,
): Promise<TimedInference | SidecarError> {
  if (input instanceof Error) return input;
  try {
    const inference = await model.runner.run(input, ticket);
    if (inference.isInputFree) returnInput(input);
    return inference;
  } catch (thrown) {
    return toSidecarError(thrown);
  }
}

function judge({ outputs }: TimedInference, plan: Plan, motifs: Motifs | null): Outcome {
  try {
    return toAnswer(outputs, plan, motifs);
  } catch (thrown) {
    return toSidecarError(thrown);
  }
}

function toRecord(model: ServedModel, { backend, degraded, queueMs, inferMs }: TimedInference): InferenceRecord {
  return { model: model.id, backend, degraded, queueMs, inferMs };
}
