import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startTestDaemon } from '../fakes/daemon.ts';

/** A page of another origin may read only what Access-Control-Expose-Headers names, and what every browser lets it. */
const SOURCES = new URL('../../src/', import.meta.url).pathname;
/** Always readable, for the browser itself, for a proxy, or of the connection. */
const FOR_NO_PAGE =
  /^(Cache-Control|Content-Length|Content-Type|Content-Security-Policy|X-Content-Type-Options|Access-Control-.*|Vary|Connection|Date|uWebSockets|Keep-Alive|Transfer-Encoding|Sec-WebSocket-.*|X-Accel-Buffering)$/i;
const WINDOW_BYTES = 3600;

const app = await startTestDaemon(t, {
  yaml: 'server: {port: 0}\nbackend: {kind: cpu}\ninference: {deadline_ms: 5000, max_deadline_ms: 5000}\n',
});
const origin = 'https://a.example';
const exposedBy = (reply: Response) =>
  new Set(reply.headers.get('access-control-expose-headers')?.toLowerCase().split(', '));
const unreadable = (reply: Response) =>
  [...reply.headers.keys()].filter((name) => !exposedBy(reply).has(name) && !FOR_NO_PAGE.test(name));

t.test('each header that the doors know how to send', async (t) => {
  const exposed = exposedBy(await fetch(`${app.url}/healthz`, { headers: { origin } }));
  const files = ['core', 'http', 'oip', 'tasks'].flatMap((folder) =>
    readdirSync(join(SOURCES, folder), { recursive: true, encoding: 'utf8' }).map((file) =>
      join(SOURCES, folder, file),
    ),
  );
  const names = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/'([A-Z][a-z]*(?:-[A-Z][A-Za-z]*)+|Allow)'/g)])
    .map(([, name]) => name!);
  t.ok(new Set(names).size > 15, 'the scan finds headers');
  t.same(
    [...new Set(names)].filter((name) => !exposed.has(name.toLowerCase()) && !FOR_NO_PAGE.test(name)),
    [],
  );
});

t.test('each header of replies of every kind', async (t) => {
  const windows = new Uint8Array(2 * WINDOW_BYTES);
  windows.fill(0xff, WINDOW_BYTES); // a second one of no numbers
  const octets = { origin, 'content-type': 'application/octet-stream', accept: 'application/octet-stream' };
  const post = (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = { origin }) =>
    fetch(app.url + path, { method: 'POST', headers, body });
  const batch = await post('/infer/batch', windows, octets);
  t.equal(batch.headers.get('x-batch-failed'), '1');
  t.ok(batch.headers.has('x-batch-errors'));
  const replies = [
    batch,
    await post('/infer', windows.subarray(0, WINDOW_BYTES), octets),
    await post('/infer', '{}'),
    await post('/test', ''),
    await post('/healthz', ''),
    ...(await Promise.all(
      ['/', '/docs', '/v2', '/nowhere'].map((path) => fetch(app.url + path, { headers: { origin } })),
    )),
  ];
  t.same(
    replies.map((reply) => [reply.url, unreadable(reply)]),
    replies.map(({ url }) => [url, []]),
  );
});
