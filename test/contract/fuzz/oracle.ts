import { ERRORS, type ErrorCode } from '../../../src/core/errors.ts';
import type { RawReply } from '../../fakes/raw-client.ts';
import type { Shot } from './shot.ts';
import { BATCH_PATH, OCTETS } from './window-shots.ts';

/** What every reply must be, whatever was asked. Throws with the reply when it is not. */
const LATENTS = 64;
const MOTIFS = 12;
/** An error names one place and one scalar; of a batch, one for each window. */
const LONGEST_ERROR = 1200;
const LONGEST_ECHO = 65;
const INSIDES = /\n\s+at |node:internal|file:\/\/|\/src\/|node_modules|\.ts:\d|\.js:\d/;

interface ErrorBody {
  readonly error: { readonly code: ErrorCode; readonly message: string };
  readonly detail: unknown;
}

type Check = (condition: unknown, what: string) => void;

function checker(reply: RawReply): Check {
  return (condition, what) => {
    if (condition) return;
    const head = `${reply.status} ${JSON.stringify(Object.fromEntries(reply.headers))}`;
    throw new Error(`${what}\n${head}\n${reply.body.toString('latin1', 0, 800)}`);
  };
}

/** Statuses of the doors that take windows; 500 only where the model itself fails on numbers that no sensor gives. */
const STATUSES = new Set([200, 400, 404, 413, 415, 422, 429, 503]);

export function checkReply(shot: Shot, reply: RawReply): void {
  const check = checker(reply);
  const isBackendsFault = reply.status === 500 && shot.query.includes('normalized');
  check(STATUSES.has(reply.status) || isBackendsFault, 'no documented status');
  checkEnvelope(shot, reply, check);
  if (reply.headers.get('content-type') === OCTETS) return checkRows(shot, reply, check);
  check(reply.headers.get('content-type') === 'application/json', 'neither JSON nor float32');
  const value: unknown = JSON.parse(reply.body.toString());
  if (reply.status !== 200) checkError(value, reply, check);
  if (Object.hasOwn(value as object, 'results')) return checkResults(value as BatchBody, reply, check);
  if (reply.status === 200) checkAnswer(value as Answer, shot.path === '/encode' ? 0 : MOTIFS, check);
}

export function checkEnvelope(shot: Shot, reply: RawReply, check = checker(reply)): void {
  const given = shot.header('x-request-id');
  const told = reply.headers.get('x-request-id') ?? '';
  check(/^[!-~]{1,128}$/.test(told), 'no request id');
  check(!/^[!-~]{1,128}$/.test(given) || told === given, 'not the request id that was given');
  check(Number(reply.headers.get('content-length')) === reply.body.length, 'no Content-Length');
  if (![429, 503].includes(reply.status)) return;
  const [seconds, ms] = ['retry-after', 'retry-after-ms'].map((name) => Number(reply.headers.get(name)));
  check(seconds! >= 1 && seconds === Math.ceil(ms! / 1000), 'no Retry-After');
}

/** `where` it stands is in the code: code and status are of one row of the table. */
function checkError(value: unknown, { status, body }: RawReply, check: Check): void {
  const { error, detail, ...rest } = value as ErrorBody & { results?: unknown };
  check(ERRORS[error.code]?.http === status, 'the code is of another status');
  check(typeof error.message === 'string' && error.message.length > 0, 'no message');
  check(error.code !== 'INTERNAL', 'a fault of the program');
  check(
    Object.keys(rest).every((key) => ['results', 'answered', 'failed'].includes(key)),
    'more than an error',
  );
  check(rest.results !== undefined || body.length <= LONGEST_ERROR, `an error of ${body.length} bytes`);
  checkDetail(error, detail, status, check);
}

function checkDetail(error: ErrorBody['error'], detail: unknown, status: number, check: Check): void {
  check(!INSIDES.test(JSON.stringify([error, detail])), 'shows its insides');
  if (status !== 422) return check(detail === error.message, 'detail is not the sentence');
  check(Array.isArray(detail) && detail.length >= 1, 'no list of what is wrong');
  for (const item of detail as Record<string, unknown>[]) {
    const { type, loc, msg, input, ...rest } = item;
    check(typeof type === 'string' && typeof msg === 'string' && Array.isArray(loc), 'no item of FastAPI');
    check(Object.keys(rest).length === 0 && (typeof input !== 'object' || input === null), 'echoes more than a scalar');
    check(typeof input !== 'string' || input.length <= LONGEST_ECHO, 'echoes a long text');
  }
}

interface Answer {
  readonly latent?: readonly number[];
  readonly latent_embedding?: readonly number[];
  readonly motif_scores?: readonly number[];
}

function checkAnswer({ latent, latent_embedding, motif_scores = [] }: Answer, motifs: number, check: Check): void {
  const vector = latent ?? latent_embedding ?? [];
  check(vector.length === LATENTS && vector.every(Number.isFinite), 'no latent');
  check(motif_scores.length === motifs && motif_scores.every((score) => score >= 0 && score <= 1), 'no motif scores');
}

interface BatchBody {
  readonly results: readonly (Answer & Partial<ErrorBody>)[];
  readonly answered: number;
  readonly failed: number;
}

function checkResults({ results, answered, failed }: BatchBody, reply: RawReply, check: Check): void {
  const errors = results.filter(({ error }) => error !== undefined);
  check(answered === results.length - errors.length && failed === errors.length, 'counts that do not fit');
  check(Number(reply.headers.get('x-batch-failed') ?? 0) === failed, 'a header that does not fit');
  check((reply.status === 200) === answered > 0, 'a status that does not fit the results');
  for (const result of results) {
    if (result.error === undefined) checkAnswer(result, MOTIFS, check);
    else checkDetail(result.error, result.detail, ERRORS[result.error.code]?.http, check);
  }
}

function checkRows(shot: Shot, reply: RawReply, check: Check): void {
  check(reply.status === 200, 'an error that is not JSON');
  const width = shot.path === '/encode' ? LATENTS : LATENTS + MOTIFS;
  const tensors = shot.path === '/encode' ? 'latent:64' : 'latent:64, motif_scores:12';
  check(reply.headers.get('x-tensors') === tensors, 'no layout');
  const rows = reply.body.length / 4 / width;
  check(Number.isInteger(rows) && (shot.path === BATCH_PATH || rows === 1), 'no whole rows');
  const failed = new Set((reply.headers.get('x-batch-errors') ?? '').split(', ').map((entry) => entry.split('=')[0]));
  for (let row = 0; row < rows; row++) {
    const values = floatsOf(reply.body.subarray(row * width * 4, (row + 1) * width * 4));
    check(failed.has(String(row)) ? values.every(Number.isNaN) : values.every(Number.isFinite), `row ${row}`);
  }
}

export function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** The error of the Open Inference Protocol: one sentence. */
const OIP_STATUSES = new Set([200, 400, 404, 405, 413, 415, 429, 503]);

export function checkOipReply(shot: Shot, reply: RawReply): void {
  const check = checker(reply);
  check(OIP_STATUSES.has(reply.status), 'no documented status');
  checkEnvelope(shot, reply, check);
  if (reply.status === 200) return checkTaken(shot, reply, check);
  const value = JSON.parse(reply.body.toString()) as { error: unknown };
  check(Object.keys(value).join() === 'error' && typeof value.error === 'string', 'not the error form of the protocol');
  check(reply.body.length <= LONGEST_ERROR, `an error of ${reply.body.length} bytes`);
  check(!INSIDES.test(String(value.error)), 'shows its insides');
}

/** What was taken was JSON as far as it said so, and the reply is to it. */
function checkTaken(shot: Shot, reply: RawReply, check: Check): void {
  if (shot.body.length === 0) return;
  const jsonOf = (bytes: Uint8Array, length: string | undefined) =>
    Buffer.from(bytes)
      .toString('utf8', 0, length ? Number(length) : bytes.length)
      .replace(/^\ufeff/, '');
  const announced = shot.header('inference-header-content-length');
  const asked = announced !== '' && Number(announced) === 0 ? '{}' : jsonOf(shot.body, announced);
  check(isJson(asked), 'no JSON was taken for some');
  const { id } = JSON.parse(asked) as { id?: unknown };
  const said = JSON.parse(jsonOf(reply.body, reply.headers.get('inference-header-content-length'))) as { id?: unknown };
  check(said.id === (id ?? undefined), 'the id of another request');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
