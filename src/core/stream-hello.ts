import { type Static, Type } from 'typebox';

/** What a client of a stream says. Messages are JSON texts; samples may come in binary as well. */
export const STREAM_PROTOCOL = 1;
/** Sec-WebSocket-Protocol. */
export const STREAM_SUBPROTOCOL = 'tcn-stream.v1';

const closed = { additionalProperties: false } as const;
const MILLISECONDS = 'milliseconds';

/** Slowest and fastest declared rate, Hz. */
export const SLOWEST_HZ = 5;
export const FASTEST_HZ = 2000;
/** Model samples. */
export const LONGEST_HOP = 1000;
export const LONGEST_GAP_MS = 1000;
export const LONGEST_AGE_MS = 600_000;
/** A column that is not for the model. */
export const SKIPPED_COLUMN = '-';
export const MOST_COLUMNS = 64;

export const StreamUnits = Type.Object(
  {
    acc: Type.Optional(Type.Union([Type.Literal('m/s2'), Type.Literal('g'), Type.Literal('mg')])),
    gyro: Type.Optional(Type.Union([Type.Literal('rad/s'), Type.Literal('deg/s'), Type.Literal('mdeg/s')])),
    mag: Type.Optional(
      Type.Union([Type.Literal('uT'), Type.Literal('nT'), Type.Literal('mT'), Type.Literal('G'), Type.Literal('mG')]),
    ),
  },
  { ...closed, description: 'Units of the samples; m/s2, rad/s and uT where nothing is said.' },
);

/** Where a client says nothing. */
export const SI_UNITS = { acc: 'm/s2', gyro: 'rad/s', mag: 'uT' } as const;

/** The values that a field with a fixed choice may have. */
export function choicesOf<T extends string>(field: { readonly anyOf: readonly { readonly const: T }[] }): readonly T[] {
  return field.anyOf.map((literal) => literal.const);
}

export const StreamOutputs = Type.Object(
  {
    latent: Type.Optional(Type.Boolean({ description: 'The latent of each window; default false.' })),
    motif_scores: Type.Optional(Type.Boolean({ description: 'All motif scores of each window; default true.' })),
    top_k: Type.Optional(Type.Integer({ minimum: 0, maximum: 64, description: 'How many best motifs; default 1.' })),
  },
  closed,
);

export const StreamSmoothing = Type.Object(
  {
    tau_ms: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 60000,
        description: `Time constant of the moving average over the scores, ${MILLISECONDS} of the stream; default 0: none.`,
      }),
    ),
    hysteresis: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1, description: 'By how much a motif must beat the current one; default 0.' }),
    ),
    dwell_ms: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 60000,
        description: `For how long it must beat it before it becomes the current one, ${MILLISECONDS}; default 0.`,
      }),
    ),
  },
  closed,
);

export const StreamGaps = Type.Object(
  {
    policy: Type.Optional(
      Type.Union([Type.Literal('restart'), Type.Literal('hold'), Type.Literal('interpolate')], {
        description:
          'What to do about missing samples; default restart: the window begins anew. The others fill up to max_ms, and each result says how many samples were filled.',
      }),
    ),
    max_ms: Type.Optional(
      Type.Number({ minimum: 0, maximum: LONGEST_GAP_MS, description: 'The longest gap that is filled; default 100.' }),
    ),
    reorder_ms: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: LONGEST_GAP_MS,
        description:
          'How much of what comes after a missing sample is kept waiting for it, in milliseconds of samples; default 100.',
      }),
    ),
  },
  closed,
);

export const HelloSchema = Type.Object(
  {
    type: Type.Literal('hello'),
    protocol: Type.Optional(Type.Integer({ description: `${STREAM_PROTOCOL}, also where nothing is said.` })),
    name: Type.Optional(Type.String({ maxLength: 64, description: 'For people who look at the list of streams.' })),
    rate_hz: Type.Number({
      minimum: SLOWEST_HZ,
      maximum: FASTEST_HZ,
      description: 'Samples per second that the sensor gives. They are resampled to the model’s rate.',
    }),
    channels: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 16 }), {
        minItems: 1,
        maxItems: MOST_COLUMNS,
        description: `The columns of a sample in their order, each channel of the model once; "${SKIPPED_COLUMN}" is a column to skip. Default: the model’s order.`,
      }),
    ),
    units: Type.Optional(StreamUnits),
    hop: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: LONGEST_HOP,
        description: 'Samples, at the model’s rate, from one window’s start to the next; default 25.',
      }),
    ),
    max_age_ms: Type.Optional(
      Type.Integer({
        minimum: 10,
        maximum: LONGEST_AGE_MS,
        description:
          'How long a window may wait for its result; streams.max_age_ms where nothing is said. A recording says a large one: then no window is dropped while the client stays within max_ahead_samples.',
      }),
    ),
    outputs: Type.Optional(StreamOutputs),
    smoothing: Type.Optional(StreamSmoothing),
    gaps: Type.Optional(StreamGaps),
    resume: Type.Optional(
      Type.Object(
        {
          token: Type.String({ minLength: 1, maxLength: 64, description: 'Of the ready message.' }),
          last_window: Type.Optional(
            Type.Integer({
              minimum: -1,
              description: 'The last window whose result has arrived; -1: none. Who does not say gets what is kept.',
            }),
          ),
        },
        closed,
      ),
    ),
  },
  closed,
);

export const SamplesSchema = Type.Object(
  {
    type: Type.Literal('samples'),
    seq: Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Number of the first sample; samples are counted from any number on, missing ones too.',
    }),
    t_ms: Type.Optional(
      Type.Union([Type.Number(), Type.Null()], {
        description: 'When the first sample was taken, milliseconds of any steady clock of the client; null: unknown.',
      }),
    ),
    samples: Type.Array(Type.Array(Type.Number(), { maxItems: MOST_COLUMNS }), { minItems: 1 }),
  },
  closed,
);

/** No more samples come: the results of all that came, then `ended`, then the connection closes. */
export const EndSchema = Type.Object({ type: Type.Literal('end') }, closed);

export type Hello = Static<typeof HelloSchema>;
export type Samples = Static<typeof SamplesSchema>;

/**
 * A binary frame, little-endian: u8 1 (version) · u8 0 · u16 samples · u32 seq, modulo 2^32 · f64 t_ms, NaN: unknown ·
 * samples × columns × f32.
 */
export const BINARY_HEADER_BYTES = 16;
export const BINARY_VERSION = 1;
