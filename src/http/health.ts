import { type Static, Type } from 'typebox';

const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

/** The reply of /healthz, /health and /health/ready, with 200 and with 503 alike. */
export const HealthSchema = Type.Object({
  ok: Type.Boolean({ description: 'True: verified answers are given. The status is 200 then, else 503.' }),
  status: Type.Union([Type.Literal('healthy'), Type.Literal('degraded'), Type.Literal('unhealthy')]),
  ready: Type.Boolean(),
  reason: Type.Optional(Type.String({ description: 'Why not ok.' })),
  model: Type.String(),
  model_version: Type.String(),
  model_sha256: orNull(Sha256),
  hef_sha256: orNull(Sha256),
  motif_source: orNull(
    Type.String({ description: 'output, prototypes, dense or uncalibrated; null when there is none.' }),
  ),
  backend: Type.Union([Type.Literal('hailo'), Type.Literal('cpu'), Type.Literal('stub')]),
  device: Type.String(),
  degraded: Type.Boolean({ description: 'Less is in force than was asked for.' }),
  degraded_reason: Type.Optional(Type.String()),
  latency_ms: orNull(Type.Number({ description: 'Duration of the last inference.' })),
  uptime_s: Type.Integer({ minimum: 0 }),
  version: Type.String(),
  config_version: Type.String({ pattern: '^[0-9a-f]{16}$' }),
});
export type HealthReport = Static<typeof HealthSchema>;

export const StatusSchema = Type.Object(
  {
    ready: Type.Boolean(),
    model_name: Type.String(),
    hef_path: orNull(Type.String()),
    hef_exists: Type.Boolean(),
    hailort_available: Type.Boolean(),
    initialization_error: orNull(Type.String()),
    last_inference_time: orNull(Type.Number({ description: 'milliseconds' })),
    num_motifs: orNull(Type.Integer()),
    endpoint_status: Type.Record(Type.String(), Type.String()),
    api_version: Type.String(),
  },
  { description: 'And everything else that an operator wants; those keys may grow.' },
);

export const RootSchema = Type.Object({
  service: Type.String(),
  version: Type.String(),
  model_ready: Type.Boolean(),
  endpoints: Type.Record(Type.String(), Type.String()),
  config: Type.Object({
    hef_path: orNull(Type.String()),
    num_motifs: orNull(Type.Integer()),
    log_level: Type.String(),
  }),
});

export const ModelListSchema = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(
    Type.Object({
      id: Type.String({ description: 'NAME@VERSION' }),
      object: Type.Literal('model'),
      owned_by: Type.String(),
      role: Type.Union([Type.Literal('active'), Type.Literal('candidate'), Type.Literal('standby')]),
      task: Type.String(),
      ready: Type.Boolean(),
    }),
  ),
});

export const ModelInfoSchema = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    version: Type.String(),
    role: orNull(Type.String()),
    ready: Type.Boolean(),
    task: Type.String(),
    description: Type.String(),
  },
  { description: 'And the rest of the manifest, the latest golden run and live figures; those keys may grow.' },
);
