import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import Schema from 'typebox/schema';
import { docsLines, restWindow, startTestDaemon } from '../fakes/daemon.ts';

const run = promisify(execFile);

/** The document as served holds for what is served: every reply fits the schema that the document gives for it. */
const { url } = await startTestDaemon(t);

/** Replies that need no schema: a constant, a page for people or for Prometheus, and the document itself. */
const UNDESCRIBED = [
  '/health/live',
  '/metrics',
  '/docs',
  '/openapi.json',
  '/docs/stream',
  '/docs/stream/client.html',
  '/docs/stream/client.mjs',
  '/stream/schema.json',
];
/** Its examples answer only while somebody streams: test/contract/stream.test.ts. */
const NEEDS_STREAM = '/stream/{id}/events';

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly example?: string }[];
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
function around(path: string, window: unknown): object {
  if (path.startsWith('/v2/'))
    return { inputs: [{ name: 'imu_window', datatype: 'FP32', shape: [1, 100, 9], data: [window] }] };
  return path === '/infer/batch' ? { windows: [window] } : { x: window };
}

/** The path with the document's examples in it. */
const filled = (path: string, { parameters = [] }: Operation) =>
  path.replace(
    /\{(\w+)\}/g,
    (_, name) => parameters.find((one) => one.in === 'path' && one.name === name)?.example ?? '',
  );
const bodyFor = (path: string, { requestBody }: Operation) =>
  requestBody === undefined ? undefined : around(path, restWindow());

for (const { path, method, operation } of operations) {
  if (path === NEEDS_STREAM) continue;
  t.test(`${method.toUpperCase()} ${path} answers as its schema says`, async (t) => {
    const { status, type, text } = await ask(filled(path, operation), method, bodyFor(path, operation));
    t.equal(status, 200);
    const schema = schemaOf(operation, status, type);
    if (schema !== undefined) t.ok(Schema.Check(schema, JSON.parse(text)), text.slice(0, 400));
    else t.ok(UNDESCRIBED.includes(path), 'has a schema');
  });

  if (method !== 'post' || operation.requestBody === undefined) continue;
  t.test(`POST ${path} refuses as its schema says, and its schema knows a right window from a wrong one`, async (t) => {
    const { status, type, text } = await ask(filled(path, operation), method, around(path, restWindow().slice(1)));
    t.equal(status, path.startsWith('/v2/') ? 400 : 422);
    t.ok(Schema.Check(schemaOf(operation, status, type) ?? {}, JSON.parse(text)), text);
    const { schema, example } = operation.requestBody?.content['application/json'] ?? { schema: {} };
    t.ok(Schema.Check(schema, around(path, restWindow())));
    // the protocol's schema is that of every model: how long its data is, only the model knows
    if (!path.startsWith('/v2/')) t.notOk(Schema.Check(schema, around(path, restWindow().slice(1))), '99 rows');
    if (!path.startsWith('/v2/')) t.notOk(Schema.Check(schema, around(path, 'window')));
    t.notOk(Schema.Check(schema, 'window'));
    if (example !== undefined) {
      t.equal((await ask(filled(path, operation), method, example)).status, 200, 'the example works');
    }
  });
}

t.test('each {name} of a path is a parameter that must be there, with an example that answers', async (t) => {
  const wanted = { in: 'path', required: true, schema: { type: 'string' } };
  const { parameters } = document.paths['/v2/models/{name}/versions/{version}/ready']!.get!;
  t.match(parameters, [
    { ...wanted, name: 'name', example: 'imu-motif-tcn' },
    { ...wanted, name: 'version', example: /^\d/ },
  ]);
  const named = operations.filter(({ path }) => path.includes('{'));
  t.same(
    named.map(({ path, operation }) => [path, (operation.parameters ?? []).map(({ name }) => `{${name}}`)]),
    named.map(({ path }) => [path, path.match(/\{\w+\}/g)]),
  );
  t.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length, 'each has its id');
});

t.test('each line of /docs works when it is pasted', async (t) => {
  const page = await (await fetch(`${url}/docs`)).text();
  t.notMatch(page, 'shell that has set', 'this daemon needs nothing');
  const lines = docsLines(page);
  t.equal(lines.length, operations.length);
  for (const line of lines.filter((one) => !one.includes('/stream/STREAM/'))) {
    const { stdout } = await run('sh', ['-c', `${line} -o /dev/null -w '%{http_code}'`]);
    t.equal(stdout, '200', line.slice(0, 100));
  }
});
