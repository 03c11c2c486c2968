import { SidecarError, toSidecarError } from '../../core/errors.ts';
import { JSON_TYPE } from '../../core/media-types.ts';
import { toThousandths } from '../../core/round.ts';
import type { Call, Reply, TaskDeps } from '../../core/task.ts';
import { admit, motifsOf } from './admission.ts';
import { normalise } from './normalise.ts';
import { toAnswer } from './outputs.ts';
import { planOf } from './plan.ts';
import { toHeaders, toRecord } from './provenance.ts';
import { CHANNELS, ROWS } from './schema.ts';
import { toTicket } from './ticket.ts';

/** A sensor at rest, flat on a table: gravity on z and a plausible magnetic field. */
const AT_REST = [0, 0, 9.81, 0, 0, 0, 22, 0, -42];

const restWindow = () => Float32Array.from({ length: ROWS * CHANNELS }, (_, i) => AT_REST[i % CHANNELS]!);

/** POST /test: a window of our own through the model in service; the body is ignored. @throws SidecarError RATE_LIMITED, else with 503 */
export async function selfTest(call: Call, deps: TaskDeps): Promise<Reply> {
  try {
    return await runRest(call, deps);
  } catch (thrown) {
    const error = toSidecarError(thrown);
    if (error.rule.http === 503 || error.rule.http === 429) throw error;
    const detail = `The test window failed: ${error.message} See the log under this request id.`;
    throw new SidecarError('BACKEND_UNAVAILABLE', detail, { cause: error });
  }
}

async function runRest(call: Call, deps: TaskDeps): Promise<Reply> {
  const startedAt = deps.clock();
  const model = deps.served(call);
  const plan = planOf(model);
  const settings = deps.settings();
  const motifs = motifsOf(plan, settings.allowUncalibratedMotifs);
  const ticket = toTicket(call, settings);
  admit(call, deps, model, ticket);
  const input = normalise(restWindow(), plan.scale);
  const parseMs = deps.clock() - startedAt;
  const timed = await model.runner.run(input, ticket);
  const answeredAt = deps.clock();
  const { latent, scores } = toAnswer(timed.outputs, plan, motifs);
  const body = JSON.stringify({
    test_status: 'success',
    latent_shape: latent.length,
    motif_shape: scores?.length ?? null,
    latent_range: toRange(latent),
    motif_range: scores && toRange(scores),
    inference_time_ms: toThousandths(timed.inferMs),
  });
  const inference = toRecord(model, timed);
  const timing = { parseMs, postMs: deps.clock() - answeredAt };
  const headers = toHeaders(inference, timing, motifs?.source ?? null);
  return { status: 200, contentType: JSON_TYPE, headers, body, inference };
}

const toRange = (values: Float32Array) => [Math.min(...values), Math.max(...values)];
