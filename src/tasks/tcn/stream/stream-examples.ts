import type { StreamEvent } from '../../../core/stream-events.ts';
import type { Hello, Samples } from '../../../core/stream-hello.ts';
import { CHANNEL_NAMES } from '../schema.ts';
import type { MessageType } from './stream-schema.ts';

/** What the page shows of each message. */
export interface MessageExample {
  readonly type: MessageType;
  /** HTML. */
  readonly about: string;
  readonly example: Hello | Samples | { type: 'end' } | StreamEvent;
}

const MODEL = { model: 'imu-motif-tcn@2026.11.1', backend: 'cpu', degraded: null } as const;

export const CLIENT_EXAMPLES: readonly MessageExample[] = [
  {
    type: 'hello',
    about: 'The first message. All but <code>type</code> and <code>rate_hz</code> may be left out.',
    example: {
      type: 'hello',
      name: 'collar 17',
      rate_hz: 104,
      channels: ['ax', 'ay', 'az', 'gx', 'gy', 'gz', '-', 'mx', 'my', 'mz'],
      units: { acc: 'g', gyro: 'deg/s' },
      hop: 25,
      outputs: { latent: false, motif_scores: false, top_k: 3 },
      smoothing: { tau_ms: 500, hysteresis: 0.1, dwell_ms: 750 },
      gaps: { policy: 'interpolate', max_ms: 100, reorder_ms: 100 },
    },
  },
  {
    type: 'samples',
    about: 'New samples, each of them once; the columns are those of the hello.',
    example: {
      type: 'samples',
      seq: 0,
      t_ms: 20,
      samples: [
        [0.12, -0.2, 9.79, 0.01, 0, -0.02, 22.1, 0.5, -43],
        [0.14, -0.22, 9.83, 0.01, 0.01, -0.02, 22, 0.5, -42.9],
      ],
    },
  },
  {
    type: 'end',
    about: 'No more samples come: the results of all that came, then <code>ended</code>, then close 1000.',
    example: { type: 'end' },
  },
];

const READY: StreamEvent = {
  type: 'ready',
  protocol: 1,
  stream: '50NlSZRKlayz',
  token: 'Zk1v…',
  resumed: false,
  next_seq: null,
  ...MODEL,
  rate_hz: 100,
  window: { samples: 100, rate_hz: 100, hop: 25 },
  resampling: null,
  channels: [...CHANNEL_NAMES],
  units: { acc: 'm/s2', gyro: 'rad/s', mag: 'uT' },
  outputs: { latent: false, motif_scores: true, top_k: 1 },
  motif_source: 'output',
  smoothing: { tau_ms: 0, hysteresis: 0, dwell_ms: 0 },
  gaps: { policy: 'restart', max_ms: 100, reorder_ms: 100 },
  limits: {
    max_frame_bytes: 65536,
    max_frame_samples: 1820,
    max_ahead_samples: 200,
    max_age_ms: 1000,
    idle_timeout_ms: 60000,
    resume_ms: 30000,
  },
};

export const SERVER_EXAMPLES: readonly MessageExample[] = [
  {
    type: 'ready',
    about:
      'The answer to the hello: all that is in force, said or not. The figures of <code>limits</code> are examples.',
    example: READY,
  },
  {
    type: 'result',
    about: 'One window. Its times are on the clock of <code>t_ms</code>.',
    example: {
      type: 'result',
      window: 3,
      start_ms: 750,
      end_ms: 1740,
      next_seq: 175,
      filled: 0,
      top: [{ index: 3, name: 'walk', score: 0.9188 }],
      motif: { index: 3, name: 'walk', since_ms: 990 },
      ...MODEL,
      dropped: 0,
      queue_ms: 0.4,
      infer_ms: 1.9,
    },
  },
  {
    type: 'gap',
    about: 'Samples are missing, or the clock jumped, and what was done about it.',
    example: {
      type: 'gap',
      from_ms: 1740,
      to_ms: 2000,
      missing: 25,
      action: 'restarted',
      reason: 'missing',
      next_seq: 201,
    },
  },
  {
    type: 'dropped',
    about:
      'Windows without a result: they waited longer than <code>limits.max_age_ms</code>, their results were not read in time, or the model failed. Told once a second at most.',
    example: {
      type: 'dropped',
      count: 2,
      total: 5,
      code: 'DEADLINE_EXCEEDED',
      message: 'The window waited longer than limits.max_age_ms: the box has more to do than it can.',
      next_seq: 425,
    },
  },
  {
    type: 'notice',
    about:
      'Something about the samples that was dealt with, or only looks wrong; the stream goes on. The same is told again after 5 s at the earliest, with how often it was.',
    example: { type: 'notice', code: 'gyro_deg_s', message: 'gyro looks like deg/s', count: 1 },
  },
  {
    type: 'error',
    about:
      'With <code>close: null</code> one frame is refused, its samples count as missing, and the stream goes on. Else the connection closes with that code next.',
    example: {
      type: 'error',
      error: { code: 'INVALID_INPUT', message: 'Refused at samples.0: Expected 9 columns, got 8' },
      detail: [{ type: 'value_error', loc: ['samples', 0], msg: 'Expected 9 columns, got 8' }],
      close: null,
    },
  },
  {
    type: 'ended',
    about: 'The answer to <code>end</code>, after the last result.',
    example: { type: 'ended', windows: 37, dropped: 0, samples: 1000 },
  },
];
