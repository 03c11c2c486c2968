import { type SidecarError, toErrorBody } from '../../core/errors.ts';
import { LONGEST_NUMBER, writeNumbers, writeText } from '../../core/shortest.ts';
import type { Header } from '../../core/task.ts';
import type { Outcome } from './batch-run.ts';
import type { Answer } from './outputs.ts';

/** Where bodies are put together; each is copied out before anybody else can write. */
let work = new Uint8Array(4096);

/** `{"latent":[…],"motif_scores":[…]}` */
export function toInferBody(latent: Float32Array, scores: Float32Array): Uint8Array {
  reserve(latent.length + scores.length, 64);
  return copyOut(writeAnswer(0, { latent, scores }));
}

/**
 * `{"latent_embedding":[…` and `tail`.
 * @param tail the rest of the JSON from the closing bracket on, ASCII
 */
export function toEncodeBody(latent: Float32Array, tail: string): Uint8Array {
  reserve(latent.length, 64 + tail.length);
  let p = writeText(work, 0, '{"latent_embedding":[');
  p = writeNumbers(work, p, latent);
  return copyOut(writeText(work, p, tail));
}

/**
 * Rows of float32, latents then scores, one per window; a window without an answer is a row of NaN as wide as the others.
 * @param width of a row, where no answer tells
 */
export function toBinaryBody(answers: readonly (Answer | null)[], width = widthOf(answers[0]!)): Uint8Array {
  const bytes = Buffer.allocUnsafe(answers.length * width * Float32Array.BYTES_PER_ELEMENT);
  const rows = new Float32Array(bytes.buffer, bytes.byteOffset, answers.length * width); // a multiple of eight, always
  for (const [i, answer] of answers.entries()) {
    if (answer === null) rows.fill(Number.NaN, i * width, (i + 1) * width);
    else rows.set(answer.latent, i * width);
    if (answer?.scores) rows.set(answer.scores, i * width + answer.latent.length);
  }
  return bytes;
}

const widthOf = ({ latent, scores }: Answer) => latent.length + (scores?.length ?? 0);

/** What a row of toBinaryBody() is made of. */
export function layoutOf({ latent, scores }: Answer): Header {
  return ['X-Tensors', `latent:${latent.length}${scores === null ? '' : `, motif_scores:${scores.length}`}`];
}

/**
 * `{"results":[…],"answered":n,"failed":k}`: in the order of the windows, what /infer would say, or the error.
 * @param error where no window has an answer: what the whole request ends with
 */
export function toBatchBody(outcomes: readonly Outcome[], error: SidecarError | null): Uint8Array {
  const failures = outcomes.map((outcome) => (outcome instanceof Error ? toUtf8(toErrorBody(outcome)) : null));
  const failed = failures.filter((failure) => failure !== null).length;
  const head = Buffer.from(
    `${error === null ? '{' : `${JSON.stringify(toErrorBody(error)).slice(0, -1)},`}"results":[`,
  );
  const tail = `],"answered":${outcomes.length - failed},"failed":${failed}}`;
  const numbers = outcomes.reduce((sum, outcome) => sum + (outcome instanceof Error ? 0 : widthOf(outcome)), 0);
  const textBytes = failures.reduce((sum, failure) => sum + (failure?.length ?? 0), head.length + tail.length);
  reserve(numbers, textBytes + outcomes.length * 64);
  let p = writeBytes(0, head);
  for (const [i, outcome] of outcomes.entries()) {
    if (i > 0) p = writeText(work, p, ',');
    p = outcome instanceof Error ? writeBytes(p, failures[i]!) : writeAnswer(p, outcome);
  }
  return copyOut(writeText(work, p, tail));
}

const toUtf8 = (value: object) => Buffer.from(JSON.stringify(value));

function writeBytes(at: number, bytes: Uint8Array): number {
  work.set(bytes, at);
  return at + bytes.length;
}

function writeAnswer(at: number, { latent, scores }: Answer): number {
  let p = writeText(work, at, '{"latent":[');
  p = writeNumbers(work, p, latent);
  p = writeText(work, p, '],"motif_scores":[');
  p = writeNumbers(work, p, scores!);
  return writeText(work, p, ']}');
}

/** Small bodies share slabs of Node's: memory of its own for each costs more than the copy. */
function copyOut(end: number): Uint8Array {
  const body = Buffer.allocUnsafe(end);
  body.set(work.subarray(0, end));
  return body;
}

function reserve(numbers: number, textBytes: number): void {
  const bytes = numbers * (LONGEST_NUMBER + 1) + textBytes;
  if (bytes > work.length) work = new Uint8Array(bytes);
}
