import { type SidecarError, toSidecarError } from '../../core/errors.ts';
import type { ServedModel, Ticket } from '../../core/model.ts';
import type { InferenceRecord } from '../../core/task.ts';
import { returnInput } from './input-pool.ts';
import type { Motifs } from './motifs.ts';
import { type Answer, toAnswer } from './outputs.ts';
import type { Plan } from './plan.ts';
import { toRecord } from './provenance.ts';

/** What became of one of several windows. */
export type Outcome = Answer | SidecarError;

/** The outcomes in the order of the windows, and who gave the first answer; null when there is none. */
export interface BatchOutcome {
  readonly outcomes: readonly Outcome[];
  readonly inference: InferenceRecord | null;
}

/** What the outputs of a window are read with. */
interface Reader {
  readonly plan: Plan;
  readonly motifs: Motifs | null;
}

interface Answered {
  readonly answer: Answer;
  readonly inference: InferenceRecord;
}

/** Runs all windows that could be read, each with an end of its own: no failure touches another. Never rejects. */
export async function runBatch(
  model: ServedModel,
  reader: Reader,
  inputs: readonly (Float32Array | SidecarError)[],
  ticket: Ticket,
): Promise<BatchOutcome> {
  const run = (input: Float32Array | SidecarError) => settle(model, reader, input, ticket);
  // most requests of a tensor protocol have one window, and need no list of promises
  const ends = inputs.length === 1 ? [await run(inputs[0]!)] : await Promise.all(inputs.map(run));
  const first = ends.find((end) => !(end instanceof Error)) as Answered | undefined;
  return {
    outcomes: ends.map((end) => (end instanceof Error ? end : end.answer)),
    inference: first?.inference ?? null,
  };
}

async function settle(
  model: ServedModel,
  { plan, motifs }: Reader,
  input: Float32Array | SidecarError,
  ticket: Ticket,
): Promise<Answered | SidecarError> {
  if (input instanceof Error) return input;
  try {
    const inference = await model.runner.run(input, ticket);
    if (inference.isInputFree) returnInput(input);
    return { answer: toAnswer(inference.outputs, plan, motifs), inference: toRecord(model, inference) };
  } catch (thrown) {
    return toSidecarError(thrown);
  }
}
