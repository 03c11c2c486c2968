import type { RouteDoc } from '../core/task.ts';
import {
  LiveSchema,
  ModelMetadataSchema,
  ModelNotReadySchema,
  ModelReadySchema,
  NotReadySchema,
  OipErrorSchema,
  OipReplySchema,
  OipRequestSchema,
  ReadySchema,
  ServerMetadataSchema,
} from './schema.ts';

/** What /openapi.json says of the routes. */
const PROTOCOL = 'Open Inference Protocol v2.';
const refusal = (description: string) => ({ description, schema: OipErrorSchema });
const UNKNOWN = { 404: refusal('This model or version is not loaded.') };

export const SERVER_DOC: RouteDoc = {
  summary: 'What server this is, with which extensions',
  description: PROTOCOL,
  responses: { 200: { description: 'Always.', schema: ServerMetadataSchema } },
};

export const LIVE_DOC: RouteDoc = {
  summary: 'Whether the process answers',
  description: PROTOCOL,
  responses: { 200: { description: 'It does.', schema: LiveSchema } },
};

export const READY_DOC: RouteDoc = {
  summary: 'Whether verified answers are given',
  description: `${PROTOCOL} The same judgement as /healthz.`,
  responses: {
    200: { description: 'They are.', schema: ReadySchema },
    503: { description: '`error` says why not.', schema: NotReadySchema },
  },
};

export const MODEL_READY_DOC: RouteDoc = {
  summary: 'Whether a model answers',
  description: PROTOCOL,
  responses: {
    200: { description: 'It does.', schema: ModelReadySchema },
    ...UNKNOWN,
    503: { description: '`error` says why not.', schema: ModelNotReadySchema },
  },
};

export const MODEL_DOC: RouteDoc = {
  summary: 'What a model takes and gives',
  description: PROTOCOL,
  responses: {
    200: { description: 'Versions that are loaded, platform, tensors.', schema: ModelMetadataSchema },
    ...UNKNOWN,
    503: refusal('The model does not answer now.'),
  },
};

export const INFER_DOC: RouteDoc = {
  summary: 'Tensors in, tensors out',
  description: `${PROTOCOL} Tensors are JSON or, with the header Inference-Header-Content-Length, little-endian float32 after the JSON, in its order: see the extension binary_tensor_data. That header with 0 says that there is no JSON, only the data of the one input. Without \`outputs\` all are given. The parameter \`normalized\` says that the input is z-scored already; others are passed over. Headers are those of /infer.`,
  request: {
    schema: OipRequestSchema,
    binary: 'The JSON, then the data of each input that has parameters.binary_data_size.',
  },
  responses: {
    200: {
      description: 'The answer of the model.',
      schema: OipReplySchema,
      binary:
        'When an output is wanted as binary data: the JSON, as long as Inference-Header-Content-Length says, then the data.',
    },
    400: refusal('The request is not what the protocol, or the model, takes; the sentence names the place.'),
    ...UNKNOWN,
    413: refusal('The body is too large.'),
    415: refusal('The content type is plainly something else.'),
    429: refusal('The client is over its rate; `Retry-After` says when to ask again.'),
    500: refusal('The backend failed.'),
    503: refusal('No answer within the deadline, or no model serves; `Retry-After` says when to ask again.'),
  },
};
