import { PAGE_STYLE, toHtml } from '../core/html.ts';
import type { OpenApiDocument, OpenApiOperation } from './openapi.ts';

/**
 * The OpenAPI document as one page for people: no script, no picture, nothing from any network.
 *
 * @param place the daemon in the words of curl: its URL, and before it what else each request needs
 */
export function renderDocs(document: OpenApiDocument, place: string): string {
  const { title, version, description } = document.info;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => renderOperation(method, path, operation, place)),
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${toHtml(title)} ${toHtml(version)}</title><style>${PAGE_STYLE}</style></head>
<body><h1>${toHtml(title)} <small>${toHtml(version)}</small></h1><p>${toHtml(description)}</p>
<p>For programs: <a href="/openapi.json">/openapi.json</a></p>${renderNeeds(place)}
${operations.join('\n')}
</body></html>
`;
}

/** What a shell must know before the lines work in it. */
function renderNeeds(place: string): string {
  const token = place.includes('$TOKEN') ? ['TOKEN to the token of the daemon'] : [];
  const trust = place.includes('https://')
    ? ['CURL_CA_BUNDLE to the file of its certificate, unless an authority has signed that']
    : [];
  const needs = [...token, ...trust].join(', and ');
  return needs === '' ? '' : `<p>The lines work in a shell that has set ${needs}.</p>`;
}

function renderOperation(method: string, path: string, operation: OpenApiOperation, place: string): string {
  const responses = Object.entries(operation.responses).map(
    ([status, { description }]) => `<tr><td><code>${status}</code></td><td>${toHtml(description)}</td></tr>`,
  );
  return `<h2><code class="m">${method.toUpperCase()}</code> <code>${toHtml(path)}</code></h2>
<p>${toHtml(operation.summary)}.</p>${operation.description ? `<p>${toHtml(operation.description)}</p>` : ''}
<pre>${toHtml(toCurl(method, path, operation, place))}</pre>
<table>${responses.join('')}</table>${renderSchemas(operation)}`;
}

/** A line that works when pasted. */
function toCurl(method: string, path: string, operation: OpenApiOperation, place: string): string {
  const target = `${place}${toExamplePath(path, operation)}`;
  if (method === 'get') return `curl -s ${target}`;
  if (operation.requestBody === undefined) return `curl -s -X POST ${target}`;
  const body = toShellJson(exampleOf(operation.requestBody));
  return `curl -s ${target} -H 'content-type: application/json' -d "${body}"`;
}

function toExamplePath(path: string, { parameters = [] }: OpenApiOperation): string {
  const examples = parameters as readonly { readonly name: string; readonly example?: string }[];
  return path.replace(/\{(\w+)\}/g, (whole, name) => examples.find((one) => one.name === name)?.example ?? whole);
}

/** JSON for between a shell's double quotes; many alike are made by the shell. */
function toShellJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value).replace(/[\\"$`]/g, '\\$&');
  if (Array.isArray(value)) return `[${toShellList(value.map(toShellJson))}]`;
  const members = Object.entries(value).map(([key, member]) => `${toShellJson(key)}:${toShellJson(member)}`);
  return `{${members.join(',')}}`;
}

const FEW = 9;

function toShellList(items: readonly string[]): string {
  const [first = ''] = items;
  const isOneMany = items.length > FEW && /^[\w.,[\]-]+$/.test(first) && items.every((item) => item === first);
  return isOneMany ? `$(yes '${first}' | head -${items.length} | paste -sd,)` : items.join(',');
}

function exampleOf(requestBody: object): object {
  const { content } = requestBody as { content: Record<string, { example?: object }> };
  return Object.values(content)[0]?.example ?? {};
}

function renderSchemas({ requestBody, responses }: OpenApiOperation): string {
  const body = schemaIn((requestBody as { content?: object } | undefined)?.content);
  const answer = schemaIn(responses['200']?.content);
  const show = (name: string, schema: unknown) =>
    schema === undefined
      ? ''
      : `<details><summary>${name}</summary><pre>${toHtml(JSON.stringify(schema, null, 2))}</pre></details>`;
  return show('Body', body) + show('Answer', answer);
}

function schemaIn(content: object | undefined): unknown {
  return (Object.values(content ?? {})[0] as { schema?: unknown } | undefined)?.schema;
}
