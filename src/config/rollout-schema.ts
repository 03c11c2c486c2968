import { Type } from 'typebox';
import { closed, orNull, whole } from './fields.ts';

/** What a new model must do before it replaces the one that serves, and while it is on probation. */
export const Rollout = Type.Object(
  {
    probation_s: whole(0, 604800, {
      default: 300,
      description:
        'How long a newly activated model is watched, in seconds; until then a crash or a reboot brings its predecessor back. 0: it is confirmed at once.',
    }),
    min_samples: whole(1, 1000000, {
      default: 200,
      description:
        'How many windows candidate and active model must both have computed before the candidate may be promoted.',
    }),
    max_error_ratio: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0.01,
      description:
        'By how much the share of failed windows may exceed that of the model before: 0.01 is one in a hundred.',
    }),
    max_latency_factor: Type.Number({
      minimum: 1,
      maximum: 1000,
      default: 2,
      description:
        'How many times as long as the model before a new one may take for a window (medians, on the same backend).',
    }),
    max_drift: Type.Number({
      minimum: 0.1,
      maximum: 1000000,
      default: 6,
      description:
        'How far the mean of the latents may move on probation, in standard deviations of what the model gave at its gate; less than three times what the model before moves on the same windows is no fault of the new one.',
    }),
    min_cosine: orNull(Type.Number({ minimum: -1, maximum: 1 }), {
      default: null,
      description:
        'The least mean cosine between the latents of candidate and active model. Null: not asked for, a model that was trained anew has latents of its own.',
    }),
    min_motif_agreement: orNull(Type.Number({ minimum: 0, maximum: 1 }), {
      default: null,
      description:
        'The least share of windows with the same top motif in candidate and active model. Null: not asked for.',
    }),
  },
  closed,
);
