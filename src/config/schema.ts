import { type Static, Type } from 'typebox';
import { Backend } from './backend-schema.ts';
import { AbsolutePath, closed, flag, matching, oneOf, orNull, SocketPath, whole } from './fields.ts';
import { Rollout } from './rollout-schema.ts';

const BUNDLE_PATTERN = '^(/[^\\u0000-\\u001f]*|[a-z0-9][a-z0-9._-]{0,63}@[A-Za-z0-9][A-Za-z0-9._-]{0,63})$';
const PUBLIC_KEY_PATTERN = '^ed25519:[A-Za-z0-9+/]{43}=( [^\\u0000-\\u001f]*)?$';
const ORIGIN_PATTERN = '^(\\*|[a-z][a-z0-9+.-]*://[^\\s/?#]+)$';

const Server = Type.Object(
  {
    host: matching('^[A-Za-z0-9._:%-]+$', 'an IP address or a host name', 255, {
      default: '127.0.0.1',
      description:
        'The address to listen on. 127.0.0.1 serves this machine only; any other address opens the daemon to the network, without a password.',
    }),
    port: whole(0, 65535, {
      default: 9000,
      description:
        'The TCP port. A port in use is an error, it is never shared. 0 takes any free port and the log says which.',
    }),
    unix_socket: orNull(SocketPath, {
      default: null,
      description: 'The path of a Unix socket, a second listener for clients on this machine. Null: none.',
    }),
    max_body_bytes: whole(1024, 67108864, {
      default: 1048576,
      description:
        'The largest request body, in bytes; a larger one is answered 413. A window takes 5,000 to 20,000 bytes.',
    }),
    max_connections: whole(1, 65535, {
      default: 1024,
      description: 'How many connections may be open at a time; more are closed at once.',
    }),
    cors_origins: Type.Array(matching(ORIGIN_PATTERN, '"*" or an origin such as https://app.example', 512), {
      maxItems: 64,
      default: ['*'],
      description:
        'Web origins whose pages may read the replies. ["*"] allows all, [] none. Programs that are no browser do not care.',
    }),
    docs: flag({ default: true, description: 'Whether /docs and /openapi.json are served.' }),
    drain_timeout_ms: whole(0, 600000, {
      default: 5000,
      description:
        'How long a stop waits for requests in flight, in milliseconds. Keep it below TimeoutStopSec of the unit.',
    }),
  },
  closed,
);

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

const Inference = Type.Object(
  {
    deadline_ms: whole(1, 600000, {
      default: 40,
      description:
        'The time from the last byte of a request to the first byte of its reply, in milliseconds. A request that cannot make it is refused at once with 503. EdgeInfer gives up after 45 ms.',
    }),
    max_queue_size: whole(1, 65536, {
      default: 256,
      description: 'How many windows may wait; the next one is refused with 503.',
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
    security: Type.Object(
      {
        token_credential: orNull(matching('^[A-Za-z0-9_][A-Za-z0-9._-]*$', 'the name of a systemd credential', 255), {
          default: null,
          description: 'The name of a systemd credential that holds a bearer token. Null: no token is asked for.',
        }),
        tls_certificate: orNull(AbsolutePath, {
          default: null,
          description: 'The path of a TLS certificate (PEM); only together with tls_key. Null: plain HTTP.',
        }),
        tls_key: orNull(AbsolutePath, {
          default: null,
          description: 'The path of the private key (PEM) of tls_certificate.',
        }),
      },
      closed,
    ),
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
