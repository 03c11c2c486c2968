import type { TSchema } from 'typebox';
import type { BackendKind } from './backend.ts';
import type { Clock } from './log.ts';
import type { Manifest, MotifHead } from './manifest.ts';
import type { ServedModel } from './model.ts';
import type { Tensors } from './tensor.ts';

/** One request as a task sees it; which server took it is unknown. */
export interface Call {
  readonly method: string;
  /** Path as requested, without query and trailing slash. */
  readonly path: string;
  /** Raw query string without "?", or "". */
  readonly query: string;
  readonly requestId: string;
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
  readonly query?: readonly { readonly name: string; readonly schema: TSchema; readonly description: string }[];
  readonly request?: { readonly schema: TSchema; readonly example?: unknown };
  readonly responses: Readonly<
    Record<number, { readonly description: string; readonly schema?: TSchema; readonly contentType?: string }>
  >;
}

export interface Route {
  readonly method: 'GET' | 'POST';
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
  /** A thrown SidecarError becomes its error reply. A GET route answers HEAD too, the server drops the body. */
  handle(call: Call): Reply | Promise<Reply>;
}

export interface Task {
  readonly name: string;
  readonly routes: readonly Route[];
  /** Path → "ready" or why it cannot answer now, for /status. */
  endpoints(): Readonly<Record<string, string>>;
}

/** Settings a task reads at each call, so that a reload takes effect between two calls. */
export interface TaskSettings {
  readonly deadlineMs: number;
  readonly validateInputRanges: boolean;
  readonly allowUncalibratedMotifs: boolean;
}

export interface TaskDeps {
  /**
   * The model for one call: the one it names, the candidate for its share, else the active one; without a call the active
   * one. Throws NOT_READY or BACKEND_UNAVAILABLE with the reason when there is none, MODEL_NOT_LOADED when it names another.
   */
  served(call?: Pick<Call, 'header' | 'requestId'>): ServedModel;
  settings(): TaskSettings;
  readonly clock: Clock;
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
