import type { ServedModel, TimedInference } from '../../core/model.ts';
import type { Header, InferenceRecord, InputWarning } from '../../core/task.ts';

/** Milliseconds of the steps of one call around its inference, which knows its own. */
export interface Timing {
  readonly parseMs: number;
  readonly postMs: number;
}

export function toRecord(
  model: Pick<ServedModel, 'id'>,
  { backend, degraded, queueMs, inferMs }: TimedInference,
): InferenceRecord {
  return { model: model.id, backend, degraded, queueMs, inferMs };
}

/** Says in headers what the body must not: who answered, how well, how fast. */
export function toHeaders(
  inference: InferenceRecord,
  timing: Timing,
  motifSource: string | null,
  warnings: readonly InputWarning[] = [],
): Header[] {
  const headers: Header[] = [
    ['X-Backend', inference.backend],
    ['X-Model', inference.model],
  ];
  if (inference.degraded !== null) headers.push(degradedHeader(inference.degraded));
  if (motifSource !== null) headers.push(['X-Motif-Source', motifSource]);
  if (warnings.length > 0) headers.push(['X-Input-Warning', warnings.map(({ text }) => text).join(', ')]);
  const inferMs = toMs(inference.inferMs);
  headers.push(['X-Inference-Time-Ms', inferMs]);
  const around = `parse;dur=${toMs(timing.parseMs)}, queue;dur=${toMs(inference.queueMs)}`;
  headers.push(['Server-Timing', `${around}, infer;dur=${inferMs}, post;dur=${toMs(timing.postMs)}`]);
  return headers;
}

/** Milliseconds with three decimals; times repeat, and a text that was made once is there. */
function toMs(ms: number): string {
  const micros = Math.max(0, Math.round(ms * 1000));
  if (micros >= TEXTS.length) return (micros / 1000).toFixed(3);
  TEXTS[micros] ||= (micros / 1000).toFixed(3);
  return TEXTS[micros]!;
}

const TEXTS: string[] = new Array(10_000).fill('');

/** A reason lasts for thousands of replies, so its header is made once. */
function degradedHeader(reason: string): Header {
  if (known.reason !== reason) known = { reason, header: ['X-Degraded', toHeaderValue(reason)] };
  return known.header;
}

let known: { readonly reason: string; readonly header: Header } = { reason: '', header: ['X-Degraded', ''] };

/** A reason is a sentence for people; a header takes one line of printable ASCII. */
const toHeaderValue = (text: string) => text.replace(/\s*[^\x20-\x7e]+\s*/g, ' ').trim();
