import type { TSchema } from 'typebox';
import type { BackendKind } from './backend.ts';
import type { SidecarError } from './errors.ts';
import type { Clock } from './log.ts';
import type { Manifest, MotifHead } from './manifest.ts';
import type { ServedModel } from './model.ts';
import type { SocketRoute } from './socket.ts';
import type { StreamDeps, Streams } from './streams.ts';
import type { Tensors } from './tensor.ts';
import type { TensorDoor } from './tensor-door.ts';

/** One request as a task sees it; which server took it is unknown. */
export interface Call {
  readonly method: string;
  /** Path as requested, without query and trailing slash. */
  readonly path: string;
  /** Raw query string without "?", or "". */
  readonly query: string;
  /** What stands in the path for each {name} of the route's, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly requestId: string;
  /** Who asks, for rates and fairness: the client's address, or "unix" for a client on the Unix socket. */
  readonly peer: string;
  /** A header's value by lower-case name, or "". */
  header(name: string): string;
  /** Valid only until the handler returns or first awaits: the server reuses the memory. */
  readonly body: Uint8Array;
  /** Monotonic milliseconds when the last byte of the body arrived; deadlines count from here. */
  readonly receivedAt: number;
  /** True once the client has gone. */
  isGone(): boolean;
}

export type Header = readonly [name: string, value: string];

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly headers: readonly Header[];
  readonly body: string | Uint8Array;
  /** For the metrics and the request log; null when no inference was made. */
  readonly inference: InferenceRecord | null;
  /** What became of the windows of a request that may carry several; absent: of one, as the status says. */
  readonly windows?: WindowTally;
  /** What looks wrong with the input though it is accepted; told in a header, a metric and the log, never corrected. */
  readonly warnings?: readonly InputWarning[];
  /**
   * The body has no end of its own: called once when the head is out, not for HEAD. What it returns is called once when the
   * client has gone, or the server ends it. `body` is sent first.
   */
  readonly follow?: (sink: EventSink) => () => void;
}

/** A reply that goes on. Once it has ended nothing here does anything. */
export interface EventSink {
  /** What was written and the client has not taken yet. */
  readonly bufferedBytes: number;
  write(text: string): void;
  end(): void;
}

/** The outcome of each window of one request. */
export interface WindowTally {
  readonly answered: number;
  /** Why each of the others has no answer. */
  readonly failed: readonly SidecarError[];
}

/** One suspicion, always the same object for the same one. */
export interface InputWarning {
  /** Label of a metric. */
  readonly code: string;
  /** For a person and for the header X-Input-Warning: printable ASCII without commas. */
  readonly text: string;
}

/** What the metrics and the log want to know of one answered window. */
export interface InferenceRecord {
  /** name@version */
  readonly model: string;
  readonly backend: BackendKind;
  readonly degraded: string | null;
  readonly queueMs: number;
  readonly inferMs: number;
}

/** What the OpenAPI document says of a route; the schemas are the ones that validate. */
export interface RouteDoc {
  readonly summary: string;
  readonly description?: string;
  /** For each {name} in the path one that answers, as an example. */
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: readonly { readonly name: string; readonly schema: TSchema; readonly description: string }[];
  readonly request?: {
    readonly schema: TSchema;
    readonly example?: unknown;
    /** What octets mean, where they are taken. */
    readonly binary?: string;
  };
  readonly responses: Readonly<
    Record<
      number,
      {
        readonly description: string;
        readonly schema?: TSchema;
        readonly contentType?: string;
        /** What octets mean, where they may be answered. */
        readonly binary?: string;
      }
    >
  >;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** A segment may be "{name}": it takes any one segment, which Call.params then has; exact paths win. */
  readonly path: string;
  /** Metric label of the path; an alias has its own. */
  readonly label: string;
  /** `inference` outcomes count as inference requests, refusals included; `service` routes do not. */
  readonly kind: 'inference' | 'service';
  /**
   * Media types of the body, e.g. "application/json" or "application/*+json"; "*" followed by "/*" takes any.
   * Absent: JSON for a POST of kind `inference`, any (the body is ignored) for the rest.
   */
  readonly accepts?: readonly string[];
  /** Set on an alias: the path whose documentation applies. */
  readonly aliasOf?: string;
  readonly doc: RouteDoc;
  /** How this route's errors are told where a protocol has a form of its own; absent: the one form of all others. */
  readonly errorForm?: ErrorForm;
  /** A thrown SidecarError becomes its error reply. A GET route answers HEAD too, the server drops the body. */
  handle(call: Call): Reply | Promise<Reply>;
}

/** An error in the words of a protocol; headers such as Retry-After are the server's business. */
export interface ErrorForm {
  /** This path and all below it have this form also where no route answers. */
  readonly prefix: string;
  toError(error: SidecarError): { readonly status: number; readonly body: string };
}

export interface Task {
  readonly name: string;
  readonly routes: readonly Route[];
  /** Path → "ready" or why it cannot answer now, for /status. */
  endpoints(): Readonly<Record<string, string>>;
  readonly tensors: TensorDoor;
  readonly sockets: readonly SocketRoute[];
  readonly streams: Streams;
}

/** Settings a task reads at each call, so that a reload takes effect between two calls. */
export interface TaskSettings {
  /** For a window that says nothing of its own by X-Request-Timeout-Ms. */
  readonly deadlineMs: number;
  /** The most that a request may ask for; what a batch gets that asks for nothing. */
  readonly maxDeadlineMs: number;
  /** Windows per request. */
  readonly maxBatchWindows: number;
  readonly validateInputRanges: boolean;
  readonly allowUncalibratedMotifs: boolean;
}

export interface TaskDeps {
  /**
   * The model for one call: the one it names, the candidate for its share, else the active one; without a call the active
   * one. Throws NOT_READY or BACKEND_UNAVAILABLE with the reason when there is none, MODEL_NOT_LOADED when it names another.
   */
  served(call?: Pick<Call, 'header' | 'requestId'>): ServedModel;
  /**
   * Takes this many windows from what the caller may still send; `taken` of them have been taken before, when it was not
   * known how many there are. Throws RATE_LIMITED, with the time after which the same is let in, when its rate is used up.
   */
  admit(call: Pick<Call, 'peer'>, windows: number, taken?: number): void;
  settings(): TaskSettings;
  readonly clock: Clock;
  readonly streams: StreamDeps;
}

/** What versions of a model are compared by. */
export interface Vectors {
  readonly latent: Float32Array;
  /** null when the model has no motif source of its own. */
  readonly scores: Float32Array | null;
}

/** A row of tasks/index.ts. */
export interface TaskKind {
  /** The manifest's `task`. */
  readonly name: string;
  /** Contradictions in a manifest and its head that only the task can see, one sentence each; empty when servable. */
  checkManifest(manifest: Manifest, head?: MotifHead | null): readonly string[];
  /** Raw window [rows*channels] → model input; what golden windows and live windows both go through. */
  prepare(manifest: Manifest): (raw: Float32Array) => Float32Array;
  /** The JSON of one request → a raw window. Throws INVALID_INPUT. */
  parseWindow(json: Uint8Array): Float32Array;
  /** Input of one version → input of another, whose normalisation may be another; always a copy. */
  convert(from: Manifest, to: Manifest): (input: Float32Array) => Float32Array;
  /** What one window's outputs say, checked: every number is finite. Throws BACKEND_FAILED when they say nothing. */
  toVectors(model: Pick<ServedModel, 'manifest' | 'head'>, outputs: Tensors): Vectors;
  create(deps: TaskDeps): Task;
}
