import { Type } from 'typebox';

/** Bodies of the Open Inference Protocol. Objects are open: clients send, and read over, what they do not know. */
const Parameters = Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]));
const Name = Type.String();
const Datatype = Type.Literal('FP32');
const Shape = Type.Array(Type.Integer({ minimum: 1 }));
const MetadataShape = Type.Array(Type.Integer({ minimum: -1 }), { description: '-1: one or more.' });
const Data = Type.Array(Type.Unknown(), { description: 'Numbers, row-major: flat, or nested as the shape is.' });

export const OipErrorSchema = Type.Object({ error: Type.String() });

export const ServerMetadataSchema = Type.Object({
  name: Name,
  version: Type.String(),
  extensions: Type.Array(Type.String()),
});

export const LiveSchema = Type.Object({ live: Type.Boolean() });

export const ReadySchema = Type.Object({ live: Type.Boolean(), ready: Type.Literal(true) });
export const NotReadySchema = Type.Object({ live: Type.Boolean(), ready: Type.Literal(false), error: Type.String() });

export const ModelReadySchema = Type.Object({ name: Name, ready: Type.Literal(true) });
export const ModelNotReadySchema = Type.Object({ name: Name, ready: Type.Literal(false), error: Type.String() });

const MetadataTensor = Type.Object({ name: Name, datatype: Datatype, shape: MetadataShape });

export const ModelMetadataSchema = Type.Object({
  name: Name,
  versions: Type.Array(Type.String()),
  platform: Type.String(),
  inputs: Type.Array(MetadataTensor),
  outputs: Type.Array(MetadataTensor),
});

export const OipRequestSchema = Type.Object({
  id: Type.Optional(Type.String({ maxLength: 1024, description: 'Comes back in the reply.' })),
  parameters: Type.Optional(
    Type.Object({
      normalized: Type.Optional(Type.Boolean({ description: 'The input is z-scored already.' })),
      binary_data_output: Type.Optional(Type.Boolean({ description: 'All outputs as binary data.' })),
    }),
  ),
  inputs: Type.Array(
    Type.Object({
      name: Name,
      datatype: Datatype,
      shape: Shape,
      parameters: Type.Optional(Parameters),
      data: Type.Optional(Data),
    }),
    { minItems: 1 },
  ),
  outputs: Type.Optional(
    Type.Array(
      Type.Object({
        name: Name,
        parameters: Type.Optional(
          Type.Object({ binary_data: Type.Optional(Type.Boolean({ description: 'This output as binary data.' })) }),
        ),
      }),
      { description: 'Absent: all.' },
    ),
  ),
});

export const OipReplySchema = Type.Object({
  id: Type.Optional(Type.String()),
  model_name: Name,
  model_version: Type.String(),
  outputs: Type.Array(
    Type.Object({
      name: Name,
      datatype: Datatype,
      shape: Shape,
      parameters: Type.Optional(Type.Object({ binary_data_size: Type.Optional(Type.Integer()) })),
      data: Type.Optional(Type.Array(Type.Number(), { description: 'Flat, row-major.' })),
    }),
  ),
});
