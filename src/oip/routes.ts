import { JSON_OR_BINARY } from '../core/media-types.ts';
import type { Call, Reply, Route, RouteDoc } from '../core/task.ts';
import { INFER_DOC, LIVE_DOC, MODEL_DOC, MODEL_READY_DOC, READY_DOC, SERVER_DOC } from './docs.ts';
import { ERROR_FORM } from './error-form.ts';
import { createInfer } from './infer.ts';
import { toExample, toLive, toModelMetadata, toModelReady, toReady, toServerMetadata } from './metadata.ts';
import type { OipParts } from './parts.ts';

const MODEL = '/v2/models/{name}';
const VERSION = `${MODEL}/versions/{version}`;

/** The Open Inference Protocol v2, as KServe and Triton speak it over HTTP, for whatever the task computes. */
export function oipRoutes(parts: OipParts): readonly Route[] {
  const infer = createInfer(parts);
  const both = (tail: string, doc: RouteDoc, handle: (call: Call) => Reply) =>
    [MODEL, VERSION].map((model) => get(`${model}${tail}`, about(doc, parts), handle));
  return [
    post(`${MODEL}/infer`, parts, infer), // of paths with names the first one is the fastest to find
    post(`${VERSION}/infer`, parts, infer),
    get(
      '/v2',
      () => SERVER_DOC,
      () => toServerMetadata(parts),
    ),
    get('/v2/health/live', () => LIVE_DOC, toLive),
    get(
      '/v2/health/ready',
      () => READY_DOC,
      () => toReady(parts),
    ),
    ...both('', MODEL_DOC, (call) => toModelMetadata(call, parts)),
    ...both('/ready', MODEL_READY_DOC, (call) => toModelReady(call, parts)),
  ];
}

/** The document names a model that is loaded when it is asked for. */
function about(doc: RouteDoc, parts: OipParts): () => RouteDoc {
  return () => {
    const [first] = parts.models();
    const { name, version } = first ?? { name: 'NAME', version: 'VERSION' };
    return { ...doc, params: { name, version } };
  };
}

function get(path: string, doc: () => RouteDoc, handle: Route['handle']): Route {
  return {
    method: 'GET',
    path,
    label: path,
    kind: 'service',
    get doc() {
      return doc();
    },
    errorForm: ERROR_FORM,
    handle,
  };
}

function post(path: string, parts: OipParts, handle: Route['handle']): Route {
  return {
    method: 'POST',
    path,
    label: path,
    kind: 'inference',
    accepts: JSON_OR_BINARY,
    get doc() {
      const example = toExample(parts);
      const doc = about(INFER_DOC, parts)();
      return example === null ? doc : { ...doc, request: { ...doc.request!, example } };
    },
    errorForm: ERROR_FORM,
    handle,
  };
}
