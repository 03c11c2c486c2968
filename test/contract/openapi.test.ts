import t from 'tap';
import Schema from 'typebox/schema';
import { restWindow, startTestDaemon } from '../fakes/daemon.ts';

/** The document as served holds for what is served: every reply fits the schema that the document gives for it. */
const { url } = await startTestDaemon(t);

/** Replies that need no schema: a constant, a page for people or for Prometheus, and the document itself. */
const UNDESCRIBED = ['/health/live', '/metrics', '/docs', '/openapi.json'];

interface Operation {
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object; readonly example?: unknown }> };
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema?: object }> }>;
}

const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
  paths: Record<string, Record<string, Operation>>;
};
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

async function ask(
  path: string,
  method: string,
  body?: unknown,
): Promise<{ status: number; type: string; text: string }> {
  const request = { method: method.toUpperCase(), headers: { 'content-type': 'application/json' } };
  const response = await fetch(url + path, body === undefined ? request : { ...request, body: JSON.stringify(body) });
  const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
  return { status: response.status, type, text: await response.text() };
}

function schemaOf(operation: Operation, status: number, type: string): object | undefined {
  const response = operation.responses[status];
  t.ok(response, `status ${status} is described`);
  t.ok(type === '' || response?.content === undefined || type in response.content, `${type} is described`);
  return response?.content?.[type]?.schema;
}

/** A body around one window, for each path that takes one. */
const around = (path: string, window: unknown) => (path === '/infer/batch' ? { windows: [window] } : { x: window });
const bodyFor = (path: string, { requestBody }: Operation) =>
  requestBody === undefined ? undefined : around(path, restWindow());

for (const { path, method, operation } of operations) {
  t.test(`${method.toUpperCase()} ${path} answers as its schema says`, async (t) => {
    const { status, type, text } = await ask(path, method, bodyFor(path, operation));
    t.equal(status, 200);
    const schema = schemaOf(operation, status, type);
    if (schema !== undefined) t.ok(Schema.Check(schema, JSON.parse(text)), text.slice(0, 400));
    else t.ok(UNDESCRIBED.includes(path), 'has a schema');
  });

  if (method !== 'post' || operation.requestBody === undefined) continue;
  t.test(`POST ${path} refuses as its schema says, and its schema knows a right window from a wrong one`, async (t) => {
    const { status, type, text } = await ask(path, method, around(path, restWindow().slice(1)));
    t.equal(status, 422);
    t.ok(Schema.Check(schemaOf(operation, status, type) ?? {}, JSON.parse(text)), text);
    const { schema, example } = operation.requestBody?.content['application/json'] ?? { schema: {} };
    t.ok(Schema.Check(schema, around(path, restWindow())));
    t.notOk(Schema.Check(schema, around(path, restWindow().slice(1))), '99 rows');
    t.notOk(Schema.Check(schema, around(path, 'window')));
    if (example !== undefined) t.equal((await ask(path, method, example)).status, 200, 'the example works');
  });
}
