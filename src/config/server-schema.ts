import { Type } from 'typebox';
import { AbsolutePath, closed, flag, matching, oneOf, orNull, SocketPath, whole } from './fields.ts';

const ORIGIN_PATTERN = '^(\\*|[a-z][a-z0-9+.-]*://[^\\s/?#]+)$';

/** The keys under `server`. */
export const Server = Type.Object(
  {
    host: matching('^[A-Za-z0-9._:%-]+$', 'an IP address or a host name', 255, {
      default: '127.0.0.1',
      description:
        'The address to listen on. 127.0.0.1 serves this machine only; any other address opens the daemon to the network and needs security.token_credential, or security.insecure.',
    }),
    port: whole(0, 65535, {
      default: 9000,
      description:
        'The TCP port. A port in use is an error, it is never shared. 0 takes any free port and the log says which.',
    }),
    unix_socket: orNull(SocketPath, {
      default: null,
      description:
        'The path of a Unix socket, a second listener for clients on this machine, who are asked for no token. Null: none.',
    }),
    unix_socket_mode: oneOf(['0600', '0660', '0666'], {
      default: '0660',
      description: 'Who may connect to it: its owner, its group as well, or everybody on this machine.',
    }),
    max_body_bytes: whole(1024, 67108864, {
      default: 1048576,
      description:
        'The largest request body, in bytes; a larger one is answered 413. A window takes 5,000 to 20,000 bytes.',
    }),
    max_connections: whole(1, 65535, {
      default: 1024,
      description:
        'How many connections may be open at a time by TCP, and as many on unix_socket; more are closed at once.',
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
    drain_delay_ms: whole(0, 600000, {
      default: 0,
      description:
        'How long a stop goes on serving, in milliseconds, while /health/ready says 503: the time in which a balancer notices. 0 without a balancer, else more than its check interval × its failures + 1000.',
    }),
  },
  closed,
);

/** The keys under `rate_limit`. */
export const RateLimit = Type.Object(
  {
    windows_per_s: orNull(Type.Number({ minimum: 0.1, maximum: 1000000 }), {
      default: null,
      description:
        'How many windows per second one client may send, by its address; those on the Unix socket count as one. More are refused with 429. Null: no limit.',
    }),
    burst: orNull(Type.Integer({ minimum: 1, maximum: 1000000 }), {
      default: null,
      description: 'How many windows a client may send at once after a rest. Null: what it may send in a second.',
    }),
  },
  closed,
);

/** The keys under `security`. */
export const Security = Type.Object(
  {
    token_credential: orNull(matching('^[A-Za-z0-9_][A-Za-z0-9._-]*$', 'the name of a systemd credential', 255), {
      default: null,
      description:
        'The name of a systemd credential that holds a bearer token, without which nothing but health is answered on the TCP port. Null: no token is asked for.',
    }),
    tls_certificate: orNull(AbsolutePath, {
      default: null,
      description:
        'The path of a TLS certificate (PEM, with its chain) for the TCP port; only together with tls_key. A renewed one is taken over by itself. Null: plain HTTP.',
    }),
    tls_key: orNull(AbsolutePath, {
      default: null,
      description: 'The path of the private key (PEM, without a passphrase) of tls_certificate.',
    }),
    insecure: flag({
      default: false,
      description:
        'Whether server.host may be an address beyond this machine without a token: everybody who reaches it can use the daemon.',
    }),
  },
  closed,
);
