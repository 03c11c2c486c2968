import { SidecarError } from '../../core/errors.ts';
import type { ServedModel, TimedInference } from '../../core/model.ts';
import type { Call, Reply, TaskDeps } from '../../core/task.ts';
import { toEncodeBody, toInferBody } from './body.ts';
import { type Door, ENCODE_DOOR, INFER_DOOR } from './door.ts';
import { explain } from './explain.ts';
import type { Motifs } from './motifs.ts';
import { normalise } from './normalise.ts';
import { toAnswer } from './outputs.ts';
import { type Plan, planOf } from './plan.ts';
import { toHeaders } from './provenance.ts';
import { isNormalised } from './query.ts';
import { NO_RANGES, RANGES } from './schema.ts';
import { parseWindow } from './window.ts';

/** POST /infer. @throws SidecarError NO_MOTIF_SOURCE, the refusals of explain(), what the runner rejects with */
export async function infer(call: Call, deps: TaskDeps): Promise<Reply> {
  const startedAt = deps.clock();
  const model = deps.served(call);
  const plan = planOf(model);
  const motifs = motifsOf(model, plan, deps.settings().allowUncalibratedMotifs);
  const input = readInput(call, deps, INFER_DOOR, plan);
  const parsedAt = deps.clock();
  const inference = await run(call, deps, model, input);
  const answeredAt = deps.clock();
  const { latent, scores } = toAnswer(inference.outputs, plan, motifs);
  const body = toInferBody(latent, scores!);
  const timing = { parseMs: parsedAt - startedAt, postMs: deps.clock() - answeredAt };
  return toReply(body, model, inference, timing, motifs.source);
}

/** POST /encode. @throws SidecarError as infer(), but needs no motif source */
export async function encode(call: Call, deps: TaskDeps): Promise<Reply> {
  const startedAt = deps.clock();
  const model = deps.served(call);
  const plan = planOf(model);
  const input = readInput(call, deps, ENCODE_DOOR, plan);
  const parsedAt = deps.clock();
  const inference = await run(call, deps, model, input);
  const answeredAt = deps.clock();
  const { latent } = toAnswer(inference.outputs, plan, null);
  const body = toEncodeBody(latent, plan.encodeTail);
  const timing = { parseMs: parsedAt - startedAt, postMs: deps.clock() - answeredAt };
  return toReply(body, model, inference, timing, null);
}

/** The source of this model's scores, or the rule that stands in for one where the operator allowed it. */
export function motifsOf(model: ServedModel, plan: Plan, isUncalibratedAllowed: boolean): Motifs {
  if (plan.calibrated !== null) return plan.calibrated;
  if (isUncalibratedAllowed) return plan.uncalibrated;
  throw new SidecarError(
    'NO_MOTIF_SOURCE',
    `Model ${model.id} has no motif scores and its bundle no motif head; /encode serves its latents. ` +
      'Add a head to the bundle, serve a model with motif_scores, or set inference.allow_uncalibrated_motifs.',
  );
}

/** Body → model input. Must finish before the first await: the server takes the body's memory back then. */
function readInput(call: Call, deps: TaskDeps, door: Door, plan: Plan): Float32Array {
  const isReady = isNormalised(call.query);
  const limits = isReady || !deps.settings().validateInputRanges ? NO_RANGES : RANGES;
  const window = parseWindow(call.body, door, limits) ?? explain(call.body, door, limits);
  return isReady ? window : normalise(window, plan.scale, window);
}

function run(call: Call, deps: TaskDeps, model: ServedModel, input: Float32Array): Promise<TimedInference> {
  const deadlineAt = call.receivedAt + deps.settings().deadlineMs;
  return model.runner.run(input, { deadlineAt, isGone: () => call.isGone() });
}

function toReply(
  body: Uint8Array,
  model: ServedModel,
  inference: TimedInference,
  timing: { readonly parseMs: number; readonly postMs: number },
  motifSource: string | null,
): Reply {
  const { backend, degraded, queueMs, inferMs } = inference;
  const record = { model: model.id, backend, degraded, queueMs, inferMs };
  const headers = toHeaders(record, { ...timing, queueMs, inferMs }, motifSource);
  return { status: 200, contentType: 'application/json', headers, body, inference: record };
}
