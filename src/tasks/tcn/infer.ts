import { BINARY_TYPE, JSON_TYPE } from '../../core/media-types.ts';
import type { ServedModel } from '../../core/model.ts';
import type { Call, Reply, TaskDeps } from '../../core/task.ts';
import { wantsBinary } from './accept.ts';
import { admit, requireMotifs } from './admission.ts';
import { layoutOf, toBinaryBody, toEncodeBody, toInferBody } from './body.ts';
import { type Door, ENCODE_DOOR, INFER_DOOR } from './door.ts';
import { returnInput } from './input-pool.ts';
import type { Motifs } from './motifs.ts';
import { type Answer, toAnswer } from './outputs.ts';
import { type Plan, planOf } from './plan.ts';
import { toHeaders, toRecord } from './provenance.ts';
import { readWindow, toReading } from './reading.ts';
import { toTicket } from './ticket.ts';

/** What tells two endpoints apart that both answer one window. */
interface Endpoint {
  readonly door: Door;
  motifs(model: ServedModel, plan: Plan, isUncalibratedAllowed: boolean): Motifs | null;
  toJson(answer: Answer, plan: Plan): Uint8Array;
}

const INFER: Endpoint = {
  door: INFER_DOOR,
  motifs: requireMotifs,
  toJson: ({ latent, scores }) => toInferBody(latent, scores!),
};

const ENCODE: Endpoint = {
  door: ENCODE_DOOR,
  motifs: () => null,
  toJson: ({ latent }, plan) => toEncodeBody(latent, plan.encodeTail),
};

/** POST /infer. @throws SidecarError NO_MOTIF_SOURCE, the refusals of readWindow(), what the runner rejects with */
export const infer = (call: Call, deps: TaskDeps): Promise<Reply> => answer(call, deps, INFER);

/** POST /encode. @throws SidecarError as infer(), but needs no motif source */
export const encode = (call: Call, deps: TaskDeps): Promise<Reply> => answer(call, deps, ENCODE);

/** One window: bytes → window → model input → model → answer → bytes. What can be refused unread is refused first. */
async function answer(call: Call, deps: TaskDeps, { door, motifs, toJson }: Endpoint): Promise<Reply> {
  const settings = deps.settings();
  const model = deps.served(call);
  const plan = planOf(model);
  const source = motifs(model, plan, settings.allowUncalibratedMotifs);
  const ticket = toTicket(call, settings);
  const reading = toReading(call, settings);
  admit(call, deps, model, ticket);
  const { input, warnings } = readWindow(call, door, plan, reading);
  const parsedAt = deps.clock();
  const timed = await model.runner.run(input, ticket);
  if (timed.isInputFree) returnInput(input);
  const answeredAt = deps.clock();
  const found = toAnswer(timed.outputs, plan, source);
  const isBinary = wantsBinary(call.header('accept'));
  const body = isBinary ? toBinaryBody([found]) : toJson(found, plan);
  const inference = toRecord(model, timed);
  const timing = { parseMs: parsedAt - call.receivedAt, postMs: deps.clock() - answeredAt };
  const headers = toHeaders(inference, timing, source?.source ?? null, warnings);
  if (isBinary) headers.push(layoutOf(found));
  return { status: 200, contentType: isBinary ? BINARY_TYPE : JSON_TYPE, headers, body, inference, warnings };
}
