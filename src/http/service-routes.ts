import { type TSchema, Type } from 'typebox';
import { PAGE_POLICY } from '../core/html.ts';
import { JSON_TYPE } from '../core/media-types.ts';
import type { Call, Reply, Route, RouteDoc } from '../core/task.ts';
import {
  type HealthReport,
  HealthSchema,
  ModelInfoSchema,
  ModelListSchema,
  RootSchema,
  StatusSchema,
} from './health.ts';

/** What the service routes show; the daemon makes it from its state at each call. */
export interface ServiceView {
  health(): HealthReport;
  status(): object;
  root(): object;
  metrics(isOpenMetrics: boolean): Promise<string>;
  openapi(): object;
  docs(): string;
  models(): object;
  /** Throws MODEL_NOT_LOADED. */
  modelInfo(wanted: string): object;
  countHealthCheck(isHealthy: boolean): void;
  readonly hasDocs: boolean;
  readonly hasMetrics: boolean;
}

const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const NO_STORE = [['Cache-Control', 'no-store']] as const;
const DOCS_HEADERS = [
  ['Content-Security-Policy', PAGE_POLICY],
  ['X-Content-Type-Options', 'nosniff'],
] as const;

const health = { description: 'Verified answers are given.', schema: HealthSchema };
const HEALTH_DOC: RouteDoc = {
  summary: 'Whether verified answers are given, and by what',
  responses: { 200: health, 503: { description: '`reason` says why not.', schema: HealthSchema } },
};

/** The routes that every task shares. */
export function serviceRoutes(view: ServiceView): Route[] {
  return [
    route('/healthz', HEALTH_DOC, () => judge(view)),
    route('/health', HEALTH_DOC, () => judge(view)),
    route('/health/ready', HEALTH_DOC, () => judge(view)),
    route('/health/live', doc('Whether the process answers', 'It does.'), () => json({ status: 'alive' })),
    route('/status', doc('Everything an operator wants', 'Always.', StatusSchema), () => json(view.status())),
    route('/v1/models', doc('The versions that are loaded', 'A list.', ModelListSchema), () => json(view.models())),
    route('/model/info', MODEL_INFO_DOC, (call) => json(view.modelInfo(wantedModel(call)))),
    route('/', doc('What this is', 'Always.', RootSchema), () => json(view.root())),
    ...(view.hasMetrics ? [route('/metrics', METRICS_DOC, (call) => metrics(view, call))] : []),
    ...(view.hasDocs ? docsRoutes(view) : []),
  ];
}

const MODEL_INFO_DOC: RouteDoc = {
  summary: 'All that is known of a loaded version, with its source, and what it did lately',
  query: [
    {
      name: 'model',
      schema: Type.String(),
      description: 'NAME@VERSION, active or candidate; the header X-Model says the same. Default: active.',
    },
  ],
  responses: {
    200: {
      description: 'Metadata, normalisation, accuracy with its source, digests, live figures.',
      schema: ModelInfoSchema,
    },
    404: { description: 'No such version is loaded.' },
  },
};

function wantedModel(call: Call): string {
  return new URLSearchParams(call.query).get('model') || call.header('x-model') || 'active';
}

const METRICS_DOC: RouteDoc = {
  summary: 'Figures for Prometheus',
  description: 'Text format 0.0.4; OpenMetrics 1.0 when Accept asks for it.',
  responses: { 200: { description: 'The page.', contentType: 'text/plain' } },
};

function docsRoutes(view: ServiceView): Route[] {
  const page = { 200: { description: 'The page.', contentType: 'text/html' } };
  return [
    route('/openapi.json', doc('This description for programs', 'OpenAPI 3.1.'), () => json(view.openapi())),
    route('/docs', { summary: 'This description for people', responses: page }, () => html(view.docs())),
  ];
}

function route(path: string, about: RouteDoc, handle: Route['handle']): Route {
  return { method: 'GET', path, label: path, kind: 'service', doc: about, handle };
}

function doc(summary: string, description: string, schema?: TSchema): RouteDoc {
  return { summary, responses: { 200: { description, ...(schema && { schema }) } } };
}

function judge(view: ServiceView): Reply {
  const report = view.health();
  view.countHealthCheck(report.ok);
  return json(report, report.ok ? 200 : 503);
}

async function metrics(view: ServiceView, call: Call): Promise<Reply> {
  const isOpen = call.header('accept').includes('application/openmetrics-text');
  const body = await view.metrics(isOpen);
  return { status: 200, contentType: isOpen ? OPEN_METRICS : PROMETHEUS, headers: [], body, inference: null };
}

function json(data: object, status = 200): Reply {
  return { status, contentType: JSON_TYPE, headers: NO_STORE, body: JSON.stringify(data), inference: null };
}

function html(body: string): Reply {
  return { status: 200, contentType: 'text/html; charset=utf-8', headers: DOCS_HEADERS, body, inference: null };
}
