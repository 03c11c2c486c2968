import { retryHeaders, SidecarError } from '../../core/errors.ts';
import { BINARY_TYPE, JSON_TYPE } from '../../core/media-types.ts';
import type { Call, Header, InputWarning, Reply, TaskDeps, TaskSettings } from '../../core/task.ts';
import { toFloats } from '../../core/tensor.ts';
import { wantsBinary } from './accept.ts';
import { admit, requireMotifs } from './admission.ts';
import { type BatchOutcome, type Outcome, runBatch } from './batch-run.ts';
import { isBinary, WINDOW_BYTES, windowsIn } from './binary.ts';
import { layoutOf, toBatchBody, toBinaryBody } from './body.ts';
import { explainBatch } from './explain.ts';
import type { Motifs } from './motifs.ts';
import type { Answer } from './outputs.ts';
import { type Plan, planOf } from './plan.ts';
import { toHeaders } from './provenance.ts';
import { attempt, fromFloats, fromOwn, type Input, type Reading, toReading, warningsOf } from './reading.ts';
import { refuse } from './refusal.ts';
import { toBatchTicket } from './ticket.ts';
import { parseWindows } from './window.ts';

/**
 * POST /infer/batch: several windows, each with a result of its own, in order. What is wrong with one of them, or befalls
 * one, is told in its place; what is wrong with all of them, or befalls all, is the reply's status.
 * @throws SidecarError INVALID_INPUT when the body is no list of 1 to inference.max_batch_windows windows, NO_MOTIF_SOURCE
 */
export async function inferBatch(call: Call, deps: TaskDeps): Promise<Reply> {
  const startedAt = deps.clock();
  const settings = deps.settings();
  const model = deps.served(call);
  const plan = planOf(model);
  const motifs = requireMotifs(model, plan, settings.allowUncalibratedMotifs);
  const ticket = toBatchTicket(call, settings);
  const reading = toReading(call, settings);
  const first = isBinary(call.header('content-type')) ? Math.max(1, Math.floor(call.body.length / WINDOW_BYTES)) : 1;
  admit(call, deps, model, ticket, Math.min(first, settings.maxBatchWindows));
  const read = readWindows(call, plan, reading, settings);
  if (read.length > first) deps.admit(call, read.length, first); // JSON tells how many only to whoever reads it
  const parsedAt = deps.clock();
  const inputs = read.map((one) => (one instanceof Error ? one : one.input));
  const batch = await runBatch(model, { plan, motifs }, inputs, ticket);
  const timing = { parseMs: parsedAt - startedAt, answeredAt: deps.clock() };
  return toReply(call, deps, batch, motifs, warningsOf(read), timing);
}

/** Must finish before the first await, as for one window. */
function readWindows(call: Call, plan: Plan, reading: Reading, settings: TaskSettings): (Input | SidecarError)[] {
  const { body } = call;
  const most = settings.maxBatchWindows;
  if (isBinary(call.header('content-type'))) return readBinaryWindows(body, plan, reading, most);
  const windows = parseWindows(body, reading.limits, most) ?? explainBatch(body, reading.limits, most);
  return windows.map((window) => (window instanceof Error ? window : fromOwn(window, plan, reading)));
}

function readBinaryWindows(body: Uint8Array, plan: Plan, reading: Reading, most: number): (Input | SidecarError)[] {
  const count = body.length / WINDOW_BYTES;
  if (count === 0) refuse('missing', ['body'], 'Field required');
  if (!Number.isInteger(count)) {
    refuse('value_error', ['body'], `Value error, Expected a multiple of ${WINDOW_BYTES} bytes, got ${body.length}`);
  }
  if (count > most) refuse('value_error', ['body'], `Value error, Expected at most ${most} windows, got ${count}`);
  return windowsIn(toFloats(body)).map((window, i) => attempt(() => fromFloats(window, plan, reading, ['body', i])));
}

const MOST_PLACES = 64;

const isAnswer = (outcome: Outcome): outcome is Answer => !(outcome instanceof Error);

function toReply(
  call: Call,
  deps: TaskDeps,
  { outcomes, inference }: BatchOutcome,
  motifs: Motifs,
  warnings: readonly InputWarning[],
  { parseMs, answeredAt }: { readonly parseMs: number; readonly answeredAt: number },
): Reply {
  const failed = outcomes.filter((outcome) => outcome instanceof SidecarError);
  const windows = { answered: outcomes.length - failed.length, failed };
  const first = outcomes.find(isAnswer);
  const isInBinary = first !== undefined && wantsBinary(call.header('accept'));
  const error = first === undefined ? failed[0]! : null;
  const body = isInBinary ? toBinaryRows(outcomes, first) : toBatchBody(outcomes, error);
  const headers: Header[] = failed.length > 0 ? [['X-Batch-Failed', String(failed.length)]] : [];
  const later = failed.find(({ rule }) => rule.retryable);
  if (later !== undefined) headers.push(...retryHeaders(later));
  if (isInBinary) headers.push(layoutOf(first), ...whereFailed(outcomes));
  if (inference !== null) {
    const timing = { parseMs, postMs: deps.clock() - answeredAt };
    headers.push(...toHeaders(inference, timing, motifs.source, warnings));
  }
  const contentType = isInBinary ? BINARY_TYPE : JSON_TYPE;
  return { status: error?.rule.http ?? 200, contentType, headers, body, inference, windows, warnings };
}

/** Rows of NaN say that there is no answer, and this says why: `3=CODE, 7-9=CODE`, and `more` where a header cannot hold all. */
function whereFailed(outcomes: readonly Outcome[]): Header[] {
  const places = rangesOf(outcomes).map(
    ([first, last, code]) => `${first === last ? first : `${first}-${last}`}=${code}`,
  );
  if (places.length > MOST_PLACES) places.splice(MOST_PLACES, places.length, 'more');
  return places.length === 0 ? [] : [['X-Batch-Errors', places.join(', ')]];
}

/** Neighbours that failed alike: first, last, code. */
function rangesOf(outcomes: readonly Outcome[]): [first: number, last: number, code: string][] {
  const ranges: [number, number, string][] = [];
  for (const [i, outcome] of outcomes.entries()) {
    if (!(outcome instanceof Error)) continue;
    const before = ranges.at(-1);
    if (before?.[1] === i - 1 && before[2] === outcome.code) before[1] = i;
    else ranges.push([i, i, outcome.code]);
  }
  return ranges;
}

function toBinaryRows(outcomes: readonly Outcome[], { latent, scores }: Answer): Uint8Array {
  const answers = outcomes.map((outcome) => (isAnswer(outcome) ? outcome : null));
  return toBinaryBody(answers, latent.length + (scores?.length ?? 0));
}
