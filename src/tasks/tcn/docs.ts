import { Type } from 'typebox';
import type { RouteDoc } from '../../core/task.ts';
import {
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
  413: { description: 'The body is too large.' },
  415: { description: 'The content type is plainly not JSON.' },
  422: { description: 'The body is not a window; `detail` names the place.' },
  500: { description: 'The backend failed on this window.' },
  503: { description: 'No answer within the deadline, or no model serves; `Retry-After` says when to ask again.' },
};

const provenance =
  'The header X-Model asks for a version that is loaded (NAME@VERSION, or "candidate"); without it the active one answers, or the candidate for its share of the requests, sticky by X-Sticky-Key, else by X-Request-Id. Headers of the reply say who answered and how fast: X-Backend, X-Model, X-Degraded, X-Motif-Source, X-Inference-Time-Ms, Server-Timing.';

export const INFER_DOC: RouteDoc = {
  summary: 'Latent and motif scores of one IMU window',
  description: `${provenance} With uncalibrated motifs allowed and no source in the model, score k is the logistic function of the mean of the latents whose index is k modulo the number of scores, and X-Motif-Source says "uncalibrated".`,
  query: [normalized],
  request: { schema: InferRequestSchema, example: { x: AT_REST } },
  responses: { 200: { description: 'The answer of the model.', schema: InferReplySchema }, ...refusals },
};

export const ENCODE_DOC: RouteDoc = {
  summary: 'Latent embedding of one IMU window',
  description: `${provenance} The key x is accepted for imu_window; imu_window wins when both are there.`,
  query: [normalized],
  request: { schema: EncodeRequestSchema, example: { imu_window: AT_REST } },
  responses: { 200: { description: 'The answer of the model.', schema: EncodeReplySchema }, ...refusals },
};

export const TEST_DOC: RouteDoc = {
  summary: 'Run a built-in window of a sensor at rest through the model',
  description: 'The body is ignored.',
  responses: {
    200: { description: 'The model answered.', schema: TestReplySchema },
    503: { description: 'It did not; the sentence says why.' },
  },
};
