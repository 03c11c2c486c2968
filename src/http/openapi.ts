import { BINARY_TYPE, JSON_TYPE } from '../core/media-types.ts';
import type { Route, RouteDoc } from '../core/task.ts';
import { ErrorSchema } from './error-schema.ts';
import { acceptedTypes } from './media-type.ts';

/** Enough of OpenAPI 3.1 for what is written here. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
}

export interface OpenApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly object[];
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: object }>>;
}

/** The document of these routes; schemas are the very objects that validate, so the two cannot drift apart. */
export function createOpenApi(version: string, routes: readonly Route[]): OpenApiDocument {
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: toOperation(route) };
  }
  const description =
    'Windows of an inertial sensor → latent vector and motif scores. Errors have one form, and below /v2 that of the Open Inference Protocol; see any 4xx.';
  return { openapi: '3.1.0', info: { title: 'hailo-tcn-sidecar', version, description }, paths };
}

function toOperation(route: Route): OpenApiOperation {
  const { doc, aliasOf } = route;
  const parameters = [...toPathParameters(route.path, doc), ...toQueryParameters(doc)];
  const description = [aliasOf && `The same as ${aliasOf}.`, doc.description].filter(Boolean).join(' ');
  return {
    operationId: `${route.method.toLowerCase()}${route.path.replace(/[/.{}]+(\w?)/g, (_, c: string) => c.toUpperCase())}`,
    summary: doc.summary,
    ...(description !== '' && { description }),
    ...(parameters.length > 0 && { parameters }),
    ...(doc.request && { requestBody: toRequestBody(route, doc.request) }),
    responses: Object.fromEntries(Object.entries(doc.responses).map(([status, r]) => [status, toResponse(+status, r)])),
  };
}

function toPathParameters(path: string, { params = {} }: RouteDoc): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => {
    const example = params[name!];
    const schema = { type: 'string' };
    return { in: 'path', name, required: true, schema, ...(example !== undefined && { example }) };
  });
}

function toQueryParameters({ query = [] }: RouteDoc): object[] {
  return query.map((parameter) => ({ in: 'query', required: false, ...parameter }));
}

function toRequestBody(route: Route, request: NonNullable<RouteDoc['request']>): object {
  const content = { schema: request.schema, ...(request.example !== undefined && { example: request.example }) };
  const types = acceptedTypes(route).filter((type) => !type.includes('*') && type !== BINARY_TYPE);
  return {
    required: true,
    content: { ...Object.fromEntries(types.map((type) => [type, content])), ...toBinary(request.binary) },
  };
}

function toResponse(status: number, response: RouteDoc['responses'][number]): OpenApiOperation['responses'][string] {
  const { description, contentType, schema } = response;
  if (contentType !== undefined) return { description, content: { [contentType]: {} } };
  const shown = schema ?? (status >= 400 ? ErrorSchema : undefined);
  return { description, ...(shown && { content: { [JSON_TYPE]: { schema: shown }, ...toBinary(response.binary) } }) };
}

/** Octets, where they mean something; 3.1 describes them by a media type alone. */
function toBinary(meaning: string | undefined): object {
  return meaning === undefined ? {} : { [BINARY_TYPE]: { schema: { description: meaning } } };
}
