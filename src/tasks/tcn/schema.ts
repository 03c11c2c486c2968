import { Type } from 'typebox';

/** What a window is: CONTRACT.md §2. */
export const ROWS = 100;
export const CHANNELS = 9;
export const CHANNEL_NAMES = ['ax', 'ay', 'az', 'gx', 'gy', 'gz', 'mx', 'my', 'mz'] as const;
export const LATENTS = 64;
/** Samples per second. */
export const RATE_HZ = 100;

/** The sensors in channel order, three channels each, with the largest absolute value that is in range. */
export const SENSORS = [
  { name: 'Accelerometer', limit: 500, unit: 'm/s²' },
  { name: 'Gyroscope', limit: 35, unit: 'rad/s' },
  { name: 'Magnetometer', limit: 2000, unit: 'µT' },
] as const;

/** Per channel the largest accepted absolute value. */
export const RANGES: Float64Array = Float64Array.from(SENSORS.flatMap(({ limit }) => [limit, limit, limit]));
/** For `normalized=true` and a switched-off range check: any value that a float32 can hold. */
export const NO_RANGES: Float64Array = new Float64Array(CHANNELS).fill(Number.POSITIVE_INFINITY);

/** The first absolute value that rounds to infinity as float32: the largest float32 plus half a step. */
export const FLOAT32_OVERFLOW = 3.4028235677973366e38;

const limits = SENSORS.map(({ name, limit, unit }) => `${name.toLowerCase()} ±${limit} ${unit}`).join(', ');
const Sample = Type.Number({ exclusiveMinimum: -FLOAT32_OVERFLOW, exclusiveMaximum: FLOAT32_OVERFLOW });
const Row = Type.Array(Sample, { minItems: CHANNELS, maxItems: CHANNELS, description: CHANNEL_NAMES.join(' ') });

export const WindowSchema = Type.Array(Row, {
  minItems: ROWS,
  maxItems: ROWS,
  description: `${ROWS} samples at 100 Hz, raw sensor values. Range, unless switched off: ${limits}.`,
});

export const InferRequestSchema = Type.Object({ x: WindowSchema });

/** `imu_window` wins over its alias: a body with both is judged by `imu_window` alone. */
export const EncodeRequestSchema = Type.Union([
  Type.Object({ imu_window: WindowSchema }),
  Type.Object({ x: WindowSchema, imu_window: Type.Optional(Type.Never()) }),
]);

/** An item that is no window makes a result of its own, so the schema does not judge items. */
export const BatchRequestSchema = Type.Object({
  windows: Type.Array(WindowSchema, {
    minItems: 1,
    description: 'At most inference.max_batch_windows, 64 by default.',
  }),
});

const closed = { additionalProperties: false } as const;
const Latent = Type.Array(Type.Number(), { minItems: LATENTS, maxItems: LATENTS });
const Scores = Type.Array(Type.Number({ minimum: 0, maximum: 1 }), {
  minItems: 1,
  description: 'One score per motif, in the order of the model’s labels; 12 by default.',
});
const Extremes = Type.Array(Type.Number(), { minItems: 2, maxItems: 2, description: 'smallest and largest value' });

export const InferReplySchema = Type.Object({ latent: Latent, motif_scores: Scores }, closed);

export const BatchReplySchema = Type.Object(
  {
    results: Type.Array(
      Type.Union([
        InferReplySchema,
        Type.Object({
          error: Type.Object({ code: Type.String(), message: Type.String() }),
          detail: Type.Unknown({ description: 'As in the error reply of /infer.' }),
        }),
      ]),
      { description: 'In the order of the windows: what /infer would answer for each.' },
    ),
    answered: Type.Integer({ minimum: 1 }),
    failed: Type.Integer({ minimum: 0, description: 'The header X-Batch-Failed says the same, when it is not 0.' }),
  },
  closed,
);

export const EncodeReplySchema = Type.Object(
  {
    latent_embedding: Latent,
    model_version: Type.String(),
    accuracy: Type.String({ description: 'Published accuracy such as "72.13%", or "unknown".' }),
  },
  closed,
);

export const TestReplySchema = Type.Object(
  {
    test_status: Type.Literal('success'),
    latent_shape: Type.Integer({ description: 'Number of latents.' }),
    motif_shape: Type.Union([Type.Integer(), Type.Null()], { description: 'Number of motif scores.' }),
    latent_range: Extremes,
    motif_range: Type.Union([Extremes, Type.Null()]),
    inference_time_ms: Type.Number({ minimum: 0 }),
  },
  closed,
);
