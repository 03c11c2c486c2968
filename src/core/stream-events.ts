import { type Static, Type } from 'typebox';
import { StreamGaps, StreamOutputs, StreamSmoothing, StreamUnits } from './stream-hello.ts';

/** What the daemon says on a stream: one JSON text a message, `type` tells which. Times are of the client's clock. */
const closed = { additionalProperties: false } as const;
const Name = Type.Union([Type.String(), Type.Null()], { description: 'null where the model names no motifs.' });
const Seq = Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
  description: 'The first sample that the daemon still needs; all before it may be forgotten. null: none has come.',
});
const Degraded = Type.Union([Type.String(), Type.Null()], { description: 'Why less serves than was asked for.' });

export const ReadySchema = Type.Object(
  {
    type: Type.Literal('ready'),
    protocol: Type.Integer(),
    stream: Type.String({ description: 'For /stream/ID/events and the list of streams.' }),
    token: Type.String({ description: 'For resume; a secret.' }),
    resumed: Type.Boolean({ description: 'false: a new stream, whatever was asked for; begin with any sample.' }),
    reason: Type.Optional(Type.String({ description: 'Why a stream that was to be resumed was not.' })),
    next_seq: Seq,
    model: Type.String(),
    backend: Type.String(),
    degraded: Degraded,
    rate_hz: Type.Number(),
    window: Type.Object(
      {
        samples: Type.Integer(),
        rate_hz: Type.Number(),
        hop: Type.Integer(),
      },
      closed,
    ),
    resampling: Type.Union([
      Type.Null(),
      Type.Object(
        {
          method: Type.String(),
          delay_ms: Type.Number({ description: 'How much later a result can be computed for it.' }),
          passband_hz: Type.Number({ description: 'What moves slower is kept; faster than that is damped.' }),
        },
        closed,
      ),
    ]),
    channels: Type.Array(Type.String()),
    units: Type.Required(StreamUnits),
    outputs: Type.Required(StreamOutputs),
    motif_source: Type.Union([Type.String(), Type.Null()]),
    smoothing: Type.Required(StreamSmoothing),
    gaps: Type.Required(StreamGaps),
    limits: Type.Object(
      {
        max_frame_bytes: Type.Integer(),
        max_frame_samples: Type.Integer({ description: 'In binary; in JSON as many as max_frame_bytes has room for.' }),
        max_ahead_samples: Type.Integer({
          description: 'A client that sends faster than real time loses no window if it stays within next_seq + this.',
        }),
        max_age_ms: Type.Integer({ description: 'A window that waits longer than this is dropped.' }),
        idle_timeout_ms: Type.Integer(),
        resume_ms: Type.Integer({ description: 'How long a broken connection’s stream waits.' }),
      },
      closed,
    ),
  },
  closed,
);

const Motif = { index: Type.Integer({ minimum: 0 }), name: Name };

export const ResultSchema = Type.Object(
  {
    type: Type.Literal('result'),
    window: Type.Integer({ minimum: 0, description: 'Counted from 0; a number that is left out was dropped.' }),
    start_ms: Type.Number({ description: 'When its first sample was taken.' }),
    end_ms: Type.Number({ description: 'When its last sample was taken.' }),
    next_seq: Seq,
    filled: Type.Integer({ description: 'How many of its samples were filled in, by the policy for gaps.' }),
    top: Type.Optional(
      Type.Array(Type.Object({ ...Motif, score: Type.Number() }, closed), {
        description: 'Best first; scores as smoothed.',
      }),
    ),
    motif: Type.Optional(
      Type.Object(
        { ...Motif, since_ms: Type.Number({ description: 'End of the window with which it became current.' }) },
        { ...closed, description: 'The current motif, by hysteresis and dwell.' },
      ),
    ),
    motif_scores: Type.Optional(Type.Array(Type.Number(), { description: 'Of this window alone, not smoothed.' })),
    latent: Type.Optional(Type.Array(Type.Number())),
    model: Type.String(),
    backend: Type.String(),
    degraded: Degraded,
    dropped: Type.Integer({ description: 'Windows of this stream without a result so far.' }),
    queue_ms: Type.Number(),
    infer_ms: Type.Number(),
  },
  closed,
);

export const GapSchema = Type.Object(
  {
    type: Type.Literal('gap'),
    from_ms: Type.Number({ description: 'The last sample before it.' }),
    to_ms: Type.Number({ description: 'The first sample after it.' }),
    missing: Type.Integer({
      description:
        'Samples that should have come meanwhile: by seq, or where only the clock jumped forward by its step and rate_hz. 0 where the clock or seq went back.',
    }),
    action: Type.Union([Type.Literal('held'), Type.Literal('interpolated'), Type.Literal('restarted')]),
    reason: Type.Union([
      Type.Literal('missing'),
      Type.Literal('time_forward'),
      Type.Literal('time_backward'),
      Type.Literal('seq_backward'),
    ]),
    next_seq: Seq,
  },
  closed,
);

export const DroppedSchema = Type.Object(
  {
    type: Type.Literal('dropped'),
    count: Type.Integer({ description: 'Windows since the last such message.' }),
    total: Type.Integer(),
    code: Type.String({ description: 'Error code of the newest.' }),
    message: Type.String(),
    next_seq: Seq,
  },
  closed,
);

/** Something about the samples that is dealt with, or only looks wrong; the stream goes on. */
export const NoticeSchema = Type.Object(
  {
    type: Type.Literal('notice'),
    code: Type.String({ description: 'duplicate, late, rate, gyro_deg_s, acc_g or an error code.' }),
    message: Type.String(),
    count: Type.Integer({ description: 'Samples, or frames, since the last such message.' }),
  },
  closed,
);

export const ErrorSchema = Type.Object(
  {
    type: Type.Literal('error'),
    error: Type.Object({ code: Type.String(), message: Type.String() }, closed),
    detail: Type.Unknown({ description: 'As in the error reply of /infer.' }),
    close: Type.Union([Type.Integer(), Type.Null()], {
      description: 'The code that the connection closes with; null: it goes on, without the samples of the message.',
    }),
    retry_ms: Type.Optional(Type.Integer({ description: 'When to come again.' })),
    next_seq: Type.Optional(Seq),
  },
  closed,
);

export const EndedSchema = Type.Object(
  {
    type: Type.Literal('ended'),
    windows: Type.Integer({ description: 'Results that were sent.' }),
    dropped: Type.Integer(),
    samples: Type.Integer(),
  },
  closed,
);

export type Ready = Static<typeof ReadySchema>;
export type Result = Static<typeof ResultSchema>;
export type GapEvent = Static<typeof GapSchema>;
export type DroppedEvent = Static<typeof DroppedSchema>;
export type Notice = Static<typeof NoticeSchema>;
export type ErrorEvent = Static<typeof ErrorSchema>;
export type Ended = Static<typeof EndedSchema>;
export type StreamEvent = Ready | Result | GapEvent | DroppedEvent | Notice | ErrorEvent | Ended;
