import { Type } from 'typebox';
import { closed, flag, whole } from './fields.ts';

/** The keys under `inference`. */
export const Inference = Type.Object(
  {
    deadline_ms: whole(1, 600000, {
      default: 40,
      description:
        'The time from the last byte of a request to the first byte of its reply, in milliseconds. A request that cannot make it is refused at once with 503. EdgeInfer gives up after 45 ms.',
    }),
    max_deadline_ms: whole(1, 600000, {
      default: 1000,
      description:
        'The longest deadline that a request may ask for with X-Request-Timeout-Ms, in milliseconds, and the one of a batch that does not ask.',
    }),
    max_queue_size: whole(1, 65536, {
      default: 256,
      description: 'How many windows may wait; the next one is refused with 503. Windows of batches are counted apart.',
    }),
    max_batch_windows: whole(1, 4096, {
      default: 64,
      description: 'How many windows one request may carry; see also server.max_body_bytes.',
    }),
    validate_input_ranges: flag({
      default: true,
      description:
        'Whether values that no sensor gives are refused: acceleration beyond 500 m/s², rotation beyond 35 rad/s, field beyond 2000 µT.',
    }),
    allow_uncalibrated_motifs: flag({
      default: false,
      description:
        'Whether a model without motif scores may fill them by a fixed rule. Every reply then says X-Motif-Source: uncalibrated.',
    }),
    golden_interval_s: whole(1, 31536000, {
      default: 3600,
      description: 'How often the model is checked again with the golden windows of its bundle, in seconds.',
    }),
  },
  closed,
);
