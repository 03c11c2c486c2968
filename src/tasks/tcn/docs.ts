import { Type } from 'typebox';
import { BINARY_TYPE } from '../../core/media-types.ts';
import type { RouteDoc } from '../../core/task.ts';
import {
  BatchReplySchema,
  BatchRequestSchema,
  CHANNEL_NAMES,
  EncodeReplySchema,
  EncodeRequestSchema,
  InferReplySchema,
  InferRequestSchema,
  ROWS,
  TestReplySchema,
} from './schema.ts';

/** What /openapi.json says of the routes; the schemas are those that validate. */
const AT_REST = Array.from({ length: ROWS }, () => CHANNEL_NAMES.map((name) => (name === 'az' ? 9.81 : 0)));

const normalized = {
  name: 'normalized',
  schema: Type.Boolean({ default: false }),
  description: 'The window is z-scored already: skip the z-score and the range check.',
};

const refusals: RouteDoc['responses'] = {
  404: { description: 'X-Model names a version that is not loaded.' },
  400: { description: 'The body is not UTF-8.' },
  429: { description: 'The client is over its rate; `Retry-After` says when to ask again.' },
  413: { description: 'The body is too large.' },
  415: { description: 'The content type is plainly not JSON.' },
  422: { description: 'The body is not a window; `detail` names the place.' },
  500: { description: 'The backend failed on this window.' },
  503: { description: 'No answer within the deadline, or no model serves; `Retry-After` says when to ask again.' },
};

const BINARY_WINDOW = 'One window: 3600 bytes, 100 rows of 9 little-endian float32 in the order of the channels.';
const BINARY_ANSWER = `For Accept: ${BINARY_TYPE}, little-endian float32`;

const provenance =
  'The header X-Model asks for a version that is loaded (NAME@VERSION, or "candidate"); without it the active one answers, or the candidate for its share of the requests, sticky by X-Sticky-Key, else by X-Request-Id. Headers of the reply say who answered and how fast: X-Backend, X-Model, X-Degraded, X-Motif-Source, X-Inference-Time-Ms, Server-Timing.';

export const INFER_DOC: RouteDoc = {
  summary: 'Latent and motif scores of one IMU window',
  description: `${provenance} With uncalibrated motifs allowed and no source in the model, score k is the logistic function of the mean of the latents whose index is k modulo the number of scores, and X-Motif-Source says "uncalibrated".`,
  query: [normalized],
  request: { schema: InferRequestSchema, example: { x: AT_REST }, binary: BINARY_WINDOW },
  responses: {
    200: {
      description: 'The answer of the model.',
      schema: InferReplySchema,
      binary: `${BINARY_ANSWER}: the latents, then the scores; X-Tensors says how many of each.`,
    },
    ...refusals,
  },
};

export const ENCODE_DOC: RouteDoc = {
  summary: 'Latent embedding of one IMU window',
  description: `${provenance} The key x is accepted for imu_window; imu_window wins when both are there.`,
  query: [normalized],
  request: { schema: EncodeRequestSchema, example: { imu_window: AT_REST }, binary: BINARY_WINDOW },
  responses: {
    200: {
      description: 'The answer of the model.',
      schema: EncodeReplySchema,
      binary: `${BINARY_ANSWER}: the latents.`,
    },
    ...refusals,
  },
};

export const BATCH_DOC: RouteDoc = {
  summary: 'Latents and motif scores of several IMU windows',
  description: `Each window has a result of its own, in order: what is wrong with one spoils no other, and is told in its place. When no window has an answer the status is that of the first one's error, and the body has error, detail and results. Windows of batches wait behind single ones, and as long as X-Request-Timeout-Ms says, 1000 ms by default. ${provenance}`,
  query: [normalized],
  request: {
    schema: BatchRequestSchema,
    example: { windows: [AT_REST, AT_REST] },
    binary: 'n windows one after another, n times 3600 bytes.',
  },
  responses: {
    200: {
      description: 'At least one window has an answer.',
      schema: BatchReplySchema,
      binary: `${BINARY_ANSWER}: a row per window, its latents, then its scores; a row of NaN has no answer, and X-Batch-Errors says why.`,
    },
    ...refusals,
  },
};

export const TEST_DOC: RouteDoc = {
  summary: 'Run a built-in window of a sensor at rest through the model',
  description: 'The body is ignored.',
  responses: {
    200: { description: 'The model answered.', schema: TestReplySchema },
    503: { description: 'It did not; the sentence says why.' },
  },
};
