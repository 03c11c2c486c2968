import type { SidecarError } from '../../core/errors.ts';
import type { ServedModel } from '../../core/model.ts';
import type { Call, TaskDeps } from '../../core/task.ts';
import type { Tensor, TensorSpec } from '../../core/tensor.ts';
import type { Prediction, PredictOptions, TensorDoor } from '../../core/tensor-door.ts';
import { admit, motifsOf } from './admission.ts';
import { runBatch } from './batch-run.ts';
import { WINDOW_SAMPLES, windowsIn } from './binary.ts';
import type { Answer } from './outputs.ts';
import { type Plan, planOf } from './plan.ts';
import { toHeaders } from './provenance.ts';
import { fromFloats, type Input, type Reading, readingOf, warningsOf } from './reading.ts';
import { CHANNELS, ROWS } from './schema.ts';
import { toBatchTicket, toTicket } from './ticket.ts';

/** The windows of a tensor protocol through the same steps as /infer. */
export function createTensorDoor(deps: TaskDeps): TensorDoor {
  return {
    signature: (model) => signatureOf(model, deps),
    enter: (call) => deps.admit(call, 1),
    predict: (call, model, inputs, options) => predict(call, deps, model, inputs, options),
  };
}

/** Latents, and motif scores where there is a source of them or a stand-in is allowed. */
function signatureOf(model: ServedModel, deps: TaskDeps): ReturnType<TensorDoor['signature']> {
  const plan = planOf(model);
  const motifs = sourceOf(plan, deps);
  const outputs: TensorSpec[] = [{ name: plan.latentName, shape: [-1, plan.latentSize] }];
  if (motifs !== null) outputs.push({ name: 'motif_scores', shape: [-1, motifs.count] });
  return { inputs: [{ name: model.manifest.input.name, shape: [-1, ROWS, CHANNELS] }], outputs };
}

const FIRST = ['inputs', 0, 'data', 0];

const sourceOf = (plan: Plan, deps: TaskDeps) => motifsOf(plan, deps.settings().allowUncalibratedMotifs);

async function predict(
  call: Call,
  deps: TaskDeps,
  model: ServedModel,
  inputs: ReadonlyMap<string, Tensor>,
  { isNormalised }: PredictOptions,
): Promise<Prediction> {
  const startedAt = deps.clock();
  const settings = deps.settings();
  const plan = planOf(model);
  const motifs = sourceOf(plan, deps);
  const { data } = inputs.get(model.manifest.input.name)!;
  const count = data.length / WINDOW_SAMPLES;
  const ticket = count === 1 ? toTicket(call, settings) : toBatchTicket(call, settings);
  admit(call, deps, model, ticket, count, 1);
  const read = readAll(data, plan, readingOf(isNormalised, settings));
  const parsedAt = deps.clock();
  const { outcomes, inference } = await runBatch(
    model,
    { plan, motifs },
    read.map(({ input }) => input),
    ticket,
  );
  const answeredAt = deps.clock();
  const answers = outcomes.map(orThrow);
  const outputs = toTensors(answers, plan);
  const warnings = warningsOf(read);
  const timing = { parseMs: parsedAt - startedAt, postMs: deps.clock() - answeredAt };
  const headers = toHeaders(inference!, timing, motifs?.source ?? null, warnings);
  return { outputs, headers, inference: inference!, windows: { answered: count, failed: [] }, warnings };
}

/** Each window checked and normalised; the first one that is none refuses all. */
function readAll(data: Float32Array, plan: Plan, reading: Reading): Input[] {
  if (data.length === WINDOW_SAMPLES) return [fromFloats(data, plan, reading, FIRST)];
  return windowsIn(data).map((window, i) => fromFloats(window, plan, reading, ['inputs', 0, 'data', i]));
}

function orThrow(outcome: Answer | SidecarError): Answer {
  if (outcome instanceof Error) throw outcome;
  return outcome;
}

function toTensors(answers: readonly Answer[], plan: Plan): Tensor[] {
  const tensors = [
    toTensor(
      plan.latentName,
      answers.map(({ latent }) => latent),
    ),
  ];
  const scores = answers.flatMap((answer) => answer.scores ?? []);
  if (scores.length > 0) tensors.push(toTensor('motif_scores', scores));
  return tensors;
}

/** Rows of equal length as one tensor [rows, length]. */
function toTensor(name: string, rows: readonly Float32Array[]): Tensor {
  const side = rows[0]!.length;
  if (rows.length === 1) return { name, shape: [1, side], data: rows[0]! };
  const data = new Float32Array(rows.length * side);
  for (const [i, row] of rows.entries()) data.set(row, i * side);
  return { name, shape: [rows.length, side], data };
}
