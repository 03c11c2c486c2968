import { type Static, Type } from 'typebox';

/** The schema of manifest.yaml; models/manifest.ts reads and checks the file. */
const Shape = Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, maxItems: 8 });
const Tensor = Type.Object({ name: Type.String({ minLength: 1 }), shape: Shape }, { additionalProperties: false });
const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
const FileName = Type.String({ pattern: '^[A-Za-z0-9_][A-Za-z0-9._-]*$' });
const closed = { additionalProperties: false } as const;

export const ArtefactSchema = Type.Object(
  {
    file: FileName,
    kind: Type.Union([Type.Literal('onnx'), Type.Literal('hef')]),
    sha256: Sha256,
    arch: Type.Optional(Type.String()),
    input_layout: Type.Optional(Shape),
    tolerance: Type.Optional(Type.Object({ cosine: Type.Number({ minimum: -1, maximum: 1 }) }, closed)),
    vstreams: Type.Optional(Type.Record(Type.String(), Type.String({ minLength: 1, maxLength: 127 }))),
    expected_device_ms: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  },
  closed,
);

export const HeadReferenceSchema = Type.Object(
  {
    kind: Type.Union([Type.Literal('prototypes'), Type.Literal('dense')]),
    file: FileName,
    sha256: Type.Optional(Sha256),
    source: Type.String(),
  },
  closed,
);

export const ManifestSchema = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' }),
    version: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' }),
    task: Type.String({ minLength: 1 }),
    description: Type.String(),
    accuracy: Type.Union([
      Type.Null(),
      Type.Object({ value: Type.Number(), dataset: Type.String(), source: Type.String() }, closed),
    ]),
    input: Type.Object(
      {
        name: Type.String({ minLength: 1 }),
        shape: Shape,
        rate_hz: Type.Number({ exclusiveMinimum: 0 }),
        channels: Type.Array(Type.String()),
        units: Type.Array(Type.String()),
      },
      closed,
    ),
    normalisation: Type.Object(
      {
        method: Type.Literal('z_score_per_channel'),
        mean: Type.Array(Type.Number()),
        std: Type.Array(Type.Number({ exclusiveMinimum: 0 })),
        source: Type.String(),
      },
      closed,
    ),
    outputs: Type.Object({ latent: Tensor, motif_scores: Type.Union([Type.Null(), Tensor]) }, closed),
    motifs: Type.Object(
      {
        labels: Type.Array(Type.String()),
        head: Type.Union([Type.Null(), Type.Literal('output'), HeadReferenceSchema]),
      },
      closed,
    ),
    artefacts: Type.Array(ArtefactSchema, { minItems: 1 }),
    golden: FileName,
    licence: Type.String(),
  },
  closed,
);
export type Manifest = Static<typeof ManifestSchema>;

/**
 * A motif head file: scores from the latent alone, for a model that has none of its own.
 * prototypes: softmax over (cosine similarity to each prototype ÷ temperature).
 * dense: softmax or sigmoid of weights · latent + bias.
 */
export const MotifHeadSchema = Type.Union([
  Type.Object(
    {
      format: Type.Literal(1),
      kind: Type.Literal('prototypes'),
      version: Type.String(),
      labels: Type.Array(Type.String()),
      temperature: Type.Number({ exclusiveMinimum: 0 }),
      prototypes: Type.Array(Type.Array(Type.Number()), { minItems: 1 }),
    },
    closed,
  ),
  Type.Object(
    {
      format: Type.Literal(1),
      kind: Type.Literal('dense'),
      version: Type.String(),
      labels: Type.Array(Type.String()),
      activation: Type.Union([Type.Literal('softmax'), Type.Literal('sigmoid')]),
      weights: Type.Array(Type.Array(Type.Number()), { minItems: 1 }),
      bias: Type.Array(Type.Number(), { minItems: 1 }),
    },
    closed,
  ),
]);
export type MotifHead = Static<typeof MotifHeadSchema>;

/** golden.json: raw windows with the float32 outputs that the ONNX artefact gave for them. */
export const GoldenSchema = Type.Object(
  {
    format: Type.Literal(1),
    runtime: Type.String(),
    tolerance: Type.Object({ cosine: Type.Number(), abs: Type.Number() }, closed),
    windows: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          x: Type.Array(Type.Array(Type.Number())),
          latent: Type.Array(Type.Number()),
          motif_scores: Type.Union([Type.Null(), Type.Array(Type.Number())]),
        },
        closed,
      ),
      { minItems: 1 },
    ),
  },
  closed,
);
export type Golden = Static<typeof GoldenSchema>;
