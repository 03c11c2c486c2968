import { toThousandths } from '../../../core/round.ts';
import { LONGEST_NUMBER, writeNumbers } from '../../../core/shortest.ts';
import type { InferenceRecord } from '../../../core/task.ts';
import type { Answer } from '../outputs.ts';
import type { StreamSettings } from './hello.ts';
import type { CurrentMotif, TopMotif, TrackedMotifs } from './motif-track.ts';
import type { DueWindow } from './timeline.ts';

export interface ResultParts {
  readonly window: DueWindow;
  readonly answer: Answer;
  /** null where no motifs were asked for. */
  readonly tracked: TrackedMotifs | null;
  readonly outputs: StreamSettings['outputs'];
  readonly inference: InferenceRecord;
  readonly dropped: number;
}

/** A result as ResultSchema says: put together by hand, because thousands a second are, and in fewer digits. */
export function toResultText({ window, answer, tracked, outputs, inference, dropped }: ResultParts): string {
  const { index, startMs, endMs, nextSeq, filled } = window;
  let text = `{"type":"result","window":${index},"start_ms":${startMs},"end_ms":${endMs},"next_seq":${nextSeq},"filled":${filled}`;
  if (tracked !== null && outputs.top_k > 0) text += `,"top":[${tracked.top.map(topText).join(',')}]`;
  if (tracked !== null) text += `,"motif":${motifText(tracked.motif)}`;
  if (outputs.motif_scores) text += `,"motif_scores":[${numbersText(answer.scores!)}]`;
  if (outputs.latent) text += `,"latent":[${numbersText(answer.latent)}]`;
  const { model, backend, degraded, queueMs, inferMs } = inference;
  text += `,"model":${quote(model)},"backend":"${backend}","degraded":${quote(degraded)}`;
  return `${text},"dropped":${dropped},"queue_ms":${toThousandths(queueMs)},"infer_ms":${toThousandths(inferMs)}}`;
}

const quote = (text: string | null) => (text === null ? 'null' : JSON.stringify(text));

const one = new Float32Array(1);

function topText({ index, name, score }: TopMotif): string {
  one[0] = score;
  return `{"index":${index},"name":${quote(name)},"score":${numbersText(one)}}`;
}

function motifText({ index, name, since_ms: sinceMs }: CurrentMotif): string {
  return `{"index":${index},"name":${quote(name)},"since_ms":${sinceMs}}`;
}

let work = Buffer.alloc(2048);

/** float32 values in their shortest form, with commas between. */
function numbersText(values: Float32Array): string {
  const most = values.length * (LONGEST_NUMBER + 1);
  if (work.length < most) work = Buffer.alloc(most);
  return work.toString('latin1', 0, writeNumbers(work, 0, values));
}
