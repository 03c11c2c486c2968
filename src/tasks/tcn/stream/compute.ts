import { SidecarError, toSidecarError } from '../../../core/errors.ts';
import type { ServedModel } from '../../../core/model.ts';
import { motifLabels } from '../../../core/motif-head.ts';
import type { InferenceRecord, InputWarning, TaskDeps } from '../../../core/task.ts';
import { requireMotifs } from '../admission.ts';
import { WINDOW_SAMPLES } from '../binary.ts';
import { returnInput } from '../input-pool.ts';
import type { Motifs } from '../motifs.ts';
import { type Answer, toAnswer } from '../outputs.ts';
import { type Plan, planOf } from '../plan.ts';
import { toRecord } from '../provenance.ts';
import { fromFloats, readingOf } from '../reading.ts';
import { overtaken } from './drops.ts';
import { wantsMotifs } from './hello.ts';
import { MotifTrack, type TrackedMotifs } from './motif-track.ts';
import { toResultText } from './result-text.ts';
import type { Stream } from './stream.ts';
import { maxAgeOf } from './stream-limits.ts';
import type { DueWindow } from './timeline.ts';

/** The rows of a window, between being read and being normalised: nobody waits in between. */
const raw = new Float32Array(WINDOW_SAMPLES);

interface Answered {
  readonly model: ServedModel;
  readonly answer: Answer;
  readonly inference: InferenceRecord;
  readonly warnings: readonly InputWarning[];
}

/** What is due of a stream, up to and with one window: the same steps as /infer, from rows to a result. Never rejects. */
export async function computeNext(stream: Stream, deps: TaskDeps): Promise<void> {
  let due = stream.agenda.next();
  for (; due?.window === null; due = stream.agenda.next()) stream.told(due.event);
  if (due === undefined) return stream.agenda.advance(deps.clock()); // there was nothing but messages
  if (stream.isOver) return;
  const { window, at } = due;
  try {
    const answered = await answer(stream, window, at, deps);
    const now = deps.clock();
    for (const { code, text } of answered.warnings) stream.notices.add(code, 1, text, now);
    const rate = stream.suspicions.rate(stream.agenda.timeline.measuredRateHz);
    if (rate !== null) stream.notices.add('rate', 1, rate, now);
    stream.result(toText(stream, window, answered), window.index, now);
    const { inference, warnings } = answered;
    deps.streams.windowEnded({ inference, error: null, durationMs: now - at, warnings });
  } catch (thrown) {
    const now = deps.clock();
    stream.agenda.advance(now);
    stream.dropped(toSidecarError(thrown), at, now);
  }
}

async function answer(stream: Stream, window: DueWindow, at: number, deps: TaskDeps): Promise<Answered> {
  const deadlineAt = at + maxAgeOf(stream.settings, deps.streams.policy());
  if (deps.clock() >= deadlineAt) throw tooLate();
  const model = deps.served();
  const plan = planOf(model);
  const motifs = motifsFor(stream, model, plan, deps);
  deps.admit(stream, 1);
  if (!stream.agenda.timeline.read(window, raw)) throw overtaken();
  stream.agenda.advance(deps.clock());
  stream.suspicions.look(raw, window.endRow);
  const { input, warnings } = fromFloats(raw, plan, readingOf(false, deps.settings()), ['window', window.index]);
  const timed = await model.runner.run(input, { deadlineAt, batch: stream, isGone: () => stream.isOver });
  if (timed.isInputFree) returnInput(input);
  const answer = toAnswer(timed.outputs, plan, motifs);
  return { model, answer, inference: toRecord(model, timed), warnings: stream.suspicions.believed(warnings) };
}

/** @throws SidecarError NO_MOTIF_SOURCE where scores are wanted and there are none */
export function motifsFor(
  { settings }: Pick<Stream, 'settings'>,
  model: ServedModel,
  plan: Plan,
  deps: TaskDeps,
): Motifs | null {
  if (!wantsMotifs(settings)) return null;
  return requireMotifs(model, plan, deps.settings().allowUncalibratedMotifs);
}

function toText(stream: Stream, window: DueWindow, { model, answer, inference }: Answered): string {
  const { outputs } = stream.settings;
  const tracked = answer.scores === null ? null : track(stream, answer.scores, window.endMs, model);
  return toResultText({ window, answer, tracked, outputs, inference, dropped: stream.drops.total });
}

/** Another model's motifs are others: what was before does not count for them. */
function track(stream: Stream, scores: Float32Array, endMs: number, model: ServedModel): TrackedMotifs {
  if (stream.track?.model !== model.id) {
    const labels = labelsOf(model, scores.length);
    const { smoothing, outputs } = stream.settings;
    const { tau_ms: tauMs, hysteresis, dwell_ms: dwellMs } = smoothing;
    stream.track = {
      model: model.id,
      motifs: new MotifTrack({ tauMs, hysteresis, dwellMs, topK: outputs.top_k }, labels),
    };
  }
  const tracked = stream.track.motifs.push(scores, endMs);
  stream.motif = tracked.motif;
  return tracked;
}

/** Names of a model's motifs; null for each where it has none. */
function labelsOf({ manifest, head }: ServedModel, count: number): (string | null)[] {
  const named = motifLabels(manifest, head);
  return Array.from({ length: count }, (_, i) => named[i] ?? null);
}

function tooLate(): SidecarError {
  return new SidecarError(
    'DEADLINE_EXCEEDED',
    'The window waited longer than limits.max_age_ms: the box has more to do than it can.',
  );
}
