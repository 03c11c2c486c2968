import { toSidecarError } from '../../core/errors.ts';
import { JSON_OR_BINARY } from '../../core/media-types.ts';
import type { Route, Task, TaskDeps, TaskKind } from '../../core/task.ts';
import { requireMotifs } from './admission.ts';
import { inferBatch } from './batch.ts';
import { BATCH_DOC, ENCODE_DOC, INFER_DOC, TEST_DOC } from './docs.ts';
import { ENCODE_DOOR } from './door.ts';
import { explain } from './explain.ts';
import { encode, infer } from './infer.ts';
import { checkManifest } from './manifest-check.ts';
import { normalise, toConversion, toZScore } from './normalise.ts';
import { toAnswer } from './outputs.ts';
import { planOf } from './plan.ts';
import { RANGES } from './schema.ts';
import { selfTest } from './self-test.ts';
import { StreamDesk } from './stream/desk.ts';
import { createStreamDocs } from './stream/stream-docs.ts';
import { createSocket, createWatchRoute } from './stream/stream-routes.ts';
import { createTensorDoor } from './tensors.ts';
import { parseWindow } from './window.ts';

/** Windows of an inertial sensor → latent and motif scores by a temporal convolutional network. */
export const tcn: TaskKind = {
  name: 'tcn',
  checkManifest,
  prepare({ normalisation }) {
    const scale = toZScore(normalisation);
    return (raw) => normalise(raw, scale);
  },
  parseWindow: (json) => parseWindow(json, ENCODE_DOOR, RANGES) ?? explain(json, ENCODE_DOOR, RANGES),
  convert: ({ normalisation: from }, { normalisation: to }) => toConversion(from, to),
  toVectors(model, outputs) {
    const plan = planOf(model);
    return toAnswer(outputs, plan, plan.calibrated);
  },
  create: (deps): Task => {
    const desk = new StreamDesk(deps);
    const docs = deps.streams.hasDocs ? createStreamDocs(() => deps.streams.origin()) : [];
    return {
      name: 'tcn',
      routes: [...createRoutes(deps), createWatchRoute(desk), ...docs],
      endpoints: () => endpoints(deps),
      tensors: createTensorDoor(deps),
      sockets: [createSocket(desk, deps)],
      streams: desk,
    };
  },
};

function createRoutes(deps: TaskDeps): readonly Route[] {
  const inferRoute: Route = {
    method: 'POST',
    path: '/infer',
    label: '/infer',
    kind: 'inference',
    accepts: JSON_OR_BINARY,
    doc: INFER_DOC,
    handle: (call) => infer(call, deps),
  };
  // One client code path appends /infer to a URL that ends in it already, another posts to the bare base URL.
  const alias = (path: string): Route => ({ ...inferRoute, path, label: path, aliasOf: '/infer' });
  const encodeRoute: Route = {
    ...inferRoute,
    path: '/encode',
    label: '/encode',
    doc: ENCODE_DOC,
    handle: (call) => encode(call, deps),
  };
  const batchRoute: Route = {
    ...inferRoute,
    path: '/infer/batch',
    label: '/infer/batch',
    doc: BATCH_DOC,
    handle: (call) => inferBatch(call, deps),
  };
  const testRoute: Route = {
    method: 'POST',
    path: '/test',
    label: '/test',
    kind: 'service',
    doc: TEST_DOC,
    handle: (call) => selfTest(call, deps),
  };
  return [inferRoute, alias('/'), alias('/infer/infer'), encodeRoute, batchRoute, testRoute];
}

/** For /status: "ready", or the sentence that a request would be refused with. */
function endpoints(deps: TaskDeps): Readonly<Record<string, string>> {
  const encoding = readiness(() => planOf(deps.served()));
  const inferring = readiness(() => {
    const model = deps.served();
    requireMotifs(model, planOf(model), deps.settings().allowUncalibratedMotifs);
  });
  return { '/infer': inferring, '/infer/batch': inferring, '/encode': encoding, '/test': encoding };
}

function readiness(attempt: () => void): string {
  try {
    attempt();
    return 'ready';
  } catch (thrown) {
    return toSidecarError(thrown).message;
  }
}
