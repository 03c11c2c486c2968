import t from 'tap';
import Schema from 'typebox/schema';
import type { Call } from '../../../../src/core/task.ts';
import { createStreamDocs } from '../../../../src/tasks/tcn/stream/stream-docs.ts';
import { CLIENT_EXAMPLES, SERVER_EXAMPLES } from '../../../../src/tasks/tcn/stream/stream-examples.ts';
import { CLIENT_MESSAGES, SERVER_MESSAGES } from '../../../../src/tasks/tcn/stream/stream-schema.ts';

const EXAMPLES = [...CLIENT_EXAMPLES, ...SERVER_EXAMPLES];

async function get(path: string, host = '', origin?: () => string) {
  const route = createStreamDocs(origin).find((one) => one.path === path)!;
  const call = { header: (name: string) => (name === 'host' ? host : '') } as Call;
  const { body, contentType, headers } = await route.handle(call);
  return { body: String(body), contentType, headers: Object.fromEntries(headers) };
}

const schema = JSON.parse((await get('/stream/schema.json')).body);
const fits = (name: string, message: unknown) =>
  Schema.Check({ ...schema, oneOf: [{ $ref: `#/$defs/${name}` }] }, message);
const fromHtml = (html: string) =>
  html.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
const blocks = (page: string) => [...page.matchAll(/<pre>([\s\S]*?)<\/pre>/g)].map(([, text]) => fromHtml(text!));

t.test('the schema has every message, and knows each from the others', async (t) => {
  t.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
  t.same(
    EXAMPLES.map(({ type }) => type),
    [...Object.keys(CLIENT_MESSAGES), ...Object.keys(SERVER_MESSAGES)],
  );
  for (const { type, example } of EXAMPLES) {
    const names = Object.keys(schema.$defs).filter((name) => fits(name, example));
    t.same(names, [CLIENT_EXAMPLES.some((one) => one.type === type) ? 'clientMessage' : 'serverMessage', type]);
    t.ok(Schema.Check(schema, example), `${type} is a message`);
    t.notOk(Schema.Check(schema, { ...example, more: 1 }), `${type} and no more than that`);
  }
});

t.test('every message on the page is one by the schema, and the page shows each with its schema', async (t) => {
  const { body, contentType, headers } = await get('/docs/stream');
  const shown = blocks(body);
  const messages = shown.filter((text) => text.startsWith('{"')).map((text) => JSON.parse(text));
  t.ok(messages.length > EXAMPLES.length);
  t.same(
    messages.filter((message) => !Schema.Check(schema, message)),
    [],
  );
  for (const [type, one] of Object.entries({ ...CLIENT_MESSAGES, ...SERVER_MESSAGES })) {
    t.ok(shown.includes(JSON.stringify(one, null, 2)), type);
  }
  t.equal(contentType, 'text/html; charset=utf-8');
  t.match(headers, { 'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'" });
  t.notMatch(body, /<script|src=|https?:\/\/(?!127\.0\.0\.1)/, 'no script, nothing from elsewhere');
});

t.test('the clients are shown as they are served, and fit on a page', async (t) => {
  const shown = blocks((await get('/docs/stream', 'box:9000')).body);
  for (const file of ['client.mjs', 'client.html']) {
    const { body } = await get(`/docs/stream/${file}`, 'box:9000');
    t.ok(shown.includes(body), file);
    t.ok(body.trimEnd().split('\n').length <= 30, '30 lines');
  }
});

t.test('they connect to where they came from; what is no host is not repeated', async (t) => {
  const urlOf = async (host: string, origin?: () => string) =>
    /'(wss?:.*)'/.exec((await get('/docs/stream/client.mjs', host, origin)).body)?.[1];
  t.equal(await urlOf('box.local:9000'), 'ws://box.local:9000/stream');
  t.equal(await urlOf('[fe80::1]:9000'), 'ws://[fe80::1]:9000/stream');
  t.equal(await urlOf('box:9443', () => 'https://127.0.0.1:9443'), 'wss://box:9443/stream');
  for (const host of ['', "a';evil()//", 'a b', 'a\r\nb', 'a;b']) {
    t.equal(await urlOf(host, () => 'http://127.0.0.1:9001'), 'ws://127.0.0.1:9001/stream', JSON.stringify(host));
    const { headers } = await get('/docs/stream/client.html', host);
    t.match(headers, { 'Content-Security-Policy': /connect-src 'self' ws:\/\/127.0.0.1:9000 wss:\/\/127.0.0.1:9000$/ });
  }
});

t.test('the browser’s page may run its script, this one alone', async (t) => {
  const { body, headers } = await get('/docs/stream/client.html');
  const script = /<script>([\s\S]*)<\/script>/.exec(body)![1]!;
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(script))).toString('base64');
  t.match(headers['Content-Security-Policy'], `script-src 'sha256-${digest}';`);
  t.doesNotThrow(() => new Function(script), 'it is JavaScript');
  t.notMatch(body, /\son\w+="|src=|href=/);
});
