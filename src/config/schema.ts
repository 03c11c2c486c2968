import { type Static, Type } from 'typebox';
import { Backend } from './backend-schema.ts';
import { AbsolutePath, closed, flag, matching, oneOf, orNull, SocketPath, whole } from './fields.ts';
import { Inference } from './inference-schema.ts';
import { Rollout } from './rollout-schema.ts';
import { RateLimit, Security, Server } from './server-schema.ts';
import { Streams } from './streams-schema.ts';

const BUNDLE_PATTERN = '^(/[^\\u0000-\\u001f]*|[a-z0-9][a-z0-9._-]{0,63}@[A-Za-z0-9][A-Za-z0-9._-]{0,63})$';
const PUBLIC_KEY_PATTERN = '^ed25519:[A-Za-z0-9+/]{43}=( [^\\u0000-\\u001f]*)?$';

const Model = Type.Object(
  {
    bundle: matching(BUNDLE_PATTERN, 'an absolute path of a bundle directory, or NAME@VERSION of the store', 4096, {
      default: '/usr/share/hailo-tcn-sidecar/models/default',
      description:
        "The model to serve: the absolute path of a bundle directory, or NAME@VERSION of the store; then no command changes it. The default is the store's active model, or the packaged one while none has been activated.",
    }),
    store: matching('^/[^\\u0000-\\u001f]*$', 'an absolute path', 4096, {
      default: '/var/lib/hailo-tcn-sidecar/models',
      description:
        'The directory of the model store, where "model install" puts models and "model activate" takes them from.',
    }),
    hef_path: orNull(AbsolutePath, {
      default: null,
      description:
        "A .hef file to use instead of the bundle's own; it is still checked against the manifest. Null: the bundle's.",
    }),
    num_motifs: orNull(Type.Integer({ minimum: 1, maximum: 4096 }), {
      default: null,
      description:
        'How many motif scores you expect. When the model has another number the daemon refuses to start. Null: any.',
    }),
    expect_version: orNull(matching('^[^\\u0000-\\u001f]+$', 'a model version', 128), {
      default: null,
      description:
        'The model version you expect. A mismatch is a warning and clears hailo_config_ok; replies always carry the manifest version. Null: any.',
    }),
    expect_accuracy: orNull(matching('^[^\\u0000-\\u001f]+$', 'an accuracy such as 0.7213 or "72.13%"', 128), {
      default: null,
      description: 'The accuracy you expect, such as 0.7213 or "72.13%"; a mismatch as for expect_version. Null: any.',
    }),
    trusted_keys: Type.Array(matching(PUBLIC_KEY_PATTERN, 'an Ed25519 public key, "ed25519:" and 44 characters', 512), {
      maxItems: 64,
      default: [],
      description:
        'Ed25519 public keys ("ed25519:…", see "model keygen"); a model of the store must be signed by one of them. []: unsigned bundles from the local disk only.',
    }),
  },
  closed,
);

/** The whole configuration; defaulting (keys.ts) and checking (rules.ts) are separate, visible steps. */
export const ConfigSchema = Type.Object(
  {
    server: Server,
    model: Model,
    backend: Backend,
    inference: Inference,
    rollout: Rollout,
    logging: Type.Object(
      {
        level: oneOf(['debug', 'info', 'warn', 'error'], {
          default: 'info',
          description: 'How much is logged: debug, info, warn or error.',
        }),
        requests: flag({ default: false, description: 'Whether every request is logged with its status and times.' }),
        format: oneOf(['auto', 'json', 'pretty', 'journal'], {
          default: 'auto',
          description: 'auto: journal under systemd, pretty on a terminal, else json (one object per line).',
        }),
      },
      closed,
    ),
    monitoring: Type.Object(
      { metrics: flag({ default: true, description: 'Whether /metrics is served for Prometheus.' }) },
      closed,
    ),
    admin: Type.Object(
      {
        socket: orNull(SocketPath, {
          default: '/run/hailo-tcn-sidecar/admin.sock',
          description: 'The Unix socket on which administrators command the running daemon. Null: none.',
        }),
      },
      closed,
    ),
    streams: Streams,
    rate_limit: RateLimit,
    security: Security,
    resource_limits: Type.Object(
      {
        memory_max: matching('^([1-9][0-9]*[KMGT]?|infinity)$', 'a size such as 512M or 1G, or infinity', 32, {
          default: '512M',
          description: 'The most memory the service may use (MemoryMax).',
        }),
        tasks_max: whole(16, 4194304, {
          default: 64,
          description: 'The most threads and processes the service may have (TasksMax).',
        }),
      },
      closed,
    ),
  },
  closed,
);

/** A complete, checked configuration; names as in the YAML. */
export type Config = Static<typeof ConfigSchema>;
