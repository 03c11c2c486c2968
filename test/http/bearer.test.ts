import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { createBearerGuard } from '../../src/http/bearer.ts';
import { openRaw, reply, route, serve } from './serving.ts';

const TOKEN = 'correct-horse-battery-staple';
const guard = createBearerGuard(TOKEN);

/** What the guard says of a request with these headers. */
function judge(headers: Readonly<Record<string, string>>, method = 'GET', path = '/status') {
  return guard({ method, path, header: (name) => headers[name] ?? '' });
}
const letsIn = (...args: Parameters<typeof judge>) => judge(...args) === null;

t.test('who has the token comes in', async (t) => {
  const forms = [`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER   ${TOKEN}`, `Bearer ${TOKEN} `];
  t.same(
    forms.filter((authorization) => !letsIn({ authorization })),
    [],
  );
});

t.test('nobody else does, and is told whether a token was sent', async (t) => {
  const sent = ['Bearer x', `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, `Bearer ${TOKEN.toUpperCase()}`];
  for (const authorization of [...sent, 'Bearer é', `Bearer ${TOKEN},${TOKEN}`, `Bearer "${TOKEN}"`])
    t.match(judge({ authorization }), {
      code: 'UNAUTHORIZED',
      headers: [['WWW-Authenticate', 'Bearer error="invalid_token"']],
    });
  for (const authorization of ['', TOKEN, 'Bearer', `Bearer\t${TOKEN}`, `Basic ${TOKEN}`, `Bearer${TOKEN}`])
    t.match(
      judge({ authorization }),
      { code: 'UNAUTHORIZED', headers: [['WWW-Authenticate', 'Bearer']] },
      authorization,
    );
});

t.test('a refusal repeats nothing of what was sent, nor of the token', async (t) => {
  const { message } = judge({ authorization: 'Bearer guess-guess-guess' })!;
  t.notMatch(message, /guess|horse/);
});

/** The rule in other words than the guard's: the scheme in any case, spaces, the token, spaces. */
function isRight(header: string): boolean {
  const scheme = header.slice(0, 7);
  let [from, to] = [7, header.length];
  while (header[from] === ' ') from += 1;
  while (to > from && header[to - 1] === ' ') to -= 1;
  return scheme.toLowerCase() === 'bearer ' && header.slice(from, to) === TOKEN;
}

t.test('no header but the right one opens anything', async (t) => {
  const header = fc.oneof(
    fc.string(),
    fc.string().map((rest) => `Bearer ${rest}`),
    fc.string({ unit: 'binary' }).map((rest) => `bearer ${TOKEN}${rest}`),
    fc.mixedCase(fc.constant(`Bearer ${TOKEN}`)),
    fc
      .array(fc.constantFrom('Bearer', ' ', ',', '\t', TOKEN, TOKEN.slice(0, 8)), { maxLength: 6 })
      .map((a) => a.join('')),
  );
  fc.assert(
    fc.property(header, (authorization) => letsIn({ authorization }) === isRight(authorization)),
    { numRuns: 2000 },
  );
  t.pass('2000 headers');
});

t.test('a header full of spaces is judged as fast as any other', async (t) => {
  const tookMs = (spaces: number) => {
    const authorization = `Bearer a${' '.repeat(spaces)}b`;
    const from = performance.now();
    for (let i = 0; i < 50; i++) judge({ authorization });
    return performance.now() - from;
  };
  tookMs(10); // the first calls are compiled
  const best = Math.min(...[1, 2, 3].map(() => tookMs(3900)));
  t.ok(best < 100, `50 headers of 3,900 spaces took ${best.toFixed(1)} ms`);
});

t.test('health is for everybody to ask, and nothing else is', async (t) => {
  const health = ['/health', '/health/live', '/health/ready', '/healthz', '/v2/health/live', '/v2/health/ready'];
  for (const path of health) {
    t.same([letsIn({}, 'GET', path), letsIn({}, 'HEAD', path), letsIn({}, 'POST', path)], [true, true, false], path);
  }
  for (const path of [
    '/',
    '/metrics',
    '/status',
    '/docs',
    '/openapi.json',
    '/v2',
    '/healthz/x',
    '/HEALTHZ',
    '//healthz',
  ])
    t.notOk(letsIn({}, 'GET', path), path);
});

t.test('a browser may ask beforehand what it may ask', async (t) => {
  const asks = { origin: 'https://a.example', 'access-control-request-method': 'POST' };
  t.ok(letsIn(asks, 'OPTIONS', '/infer'));
  t.notOk(letsIn(asks, 'POST', '/infer'), 'another method with the same headers');
  t.notOk(letsIn({}, 'OPTIONS', '/infer'), 'no browser');
});

const routes = [
  route('/echo', (call) => reply(Uint8Array.from(call.body)), { method: 'POST', kind: 'inference' }),
  route('/metrics', () => reply('figures')),
  route('/healthz', () => reply('well')),
];

const serveGuarded = (t: Test) => serve(t, routes, { guard });

t.test('a refusal is a 401 in the one form of errors, with its challenge, and is counted', async (t) => {
  const { url, records } = await serveGuarded(t);
  const refused = await fetch(`${url}/metrics`);
  t.equal(refused.status, 401);
  t.equal(refused.headers.get('www-authenticate'), 'Bearer');
  t.match(await refused.json(), { error: { code: 'UNAUTHORIZED' }, detail: /Authorization: Bearer TOKEN/ });
  const wrong = await fetch(`${url}/metrics`, { headers: { authorization: 'Bearer wrong' } });
  t.equal(wrong.headers.get('www-authenticate'), 'Bearer error="invalid_token"');
  t.equal((await fetch(`${url}/nothing`)).status, 401, 'what is there is not told either');
  const right = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
  t.equal(await right.text(), 'figures');
  t.equal(await (await fetch(`${url}/healthz/?verbose`)).text(), 'well');
  t.same(
    records.map(({ route, status, code }) => [route, status, code]),
    [
      ['/metrics', 401, 'UNAUTHORIZED'],
      ['/metrics', 401, 'UNAUTHORIZED'],
      ['unmatched', 401, 'UNAUTHORIZED'],
      ['/metrics', 200, null],
      ['/healthz', 200, null],
    ],
  );
});

t.test('the body of a stranger is never read into memory, and one that does not end is not waited for', async (t) => {
  const { port, records } = await serveGuarded(t);
  const peer = await openRaw(t, port);
  peer.socket.write('POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\nonly this');
  await peer.closed;
  t.match(peer.said(), /^HTTP\/1\.1 401 [\s\S]*WWW-Authenticate: Bearer\r\n/i);
  t.match(records, [{ status: 401, code: 'UNAUTHORIZED', kind: 'inference', requestBytes: 9 }]);
});

t.test('a request behind a refused one is not answered in its place', async (t) => {
  const { port } = await serveGuarded(t);
  const peer = await openRaw(t, port);
  const get = (more: string) => `GET /metrics HTTP/1.1\r\nhost: x\r\n${more}\r\n`;
  peer.socket.write(get('') + get(`authorization: Bearer ${TOKEN}\r\n`));
  await peer.closed;
  t.notMatch(peer.said(), /figures/);
});

t.test('a page of an allowed origin may ask beforehand, and read why it was refused', async (t) => {
  const { url } = await serveGuarded(t);
  const origin = 'https://a.example';
  const ask = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };
  const preflight = await fetch(`${url}/echo`, { method: 'OPTIONS', headers: ask });
  t.equal(preflight.status, 204);
  t.equal(preflight.headers.get('access-control-allow-headers'), 'authorization');
  const refused = await fetch(`${url}/metrics`, { headers: { origin } });
  t.equal(refused.headers.get('access-control-allow-origin'), '*');
});

t.test('whatever is sent as Authorization, the answer is 401 or the parser’s refusal', async (t) => {
  const { port } = await serveGuarded(t);
  const printable = fc.string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter((c) => c !== 0x7f)
      .map((c) => String.fromCharCode(c)),
  });
  const send = (authorization: string) =>
    new Promise<number>((resolve) => {
      const headers = { authorization };
      const asked = request({ port, host: '127.0.0.1', path: '/metrics', headers, agent: false }, async (response) => {
        await text(response);
        resolve(response.statusCode ?? 0);
      });
      asked.once('error', () => resolve(0));
      asked.end();
    });
  await fc.assert(
    fc.asyncProperty(printable, async (value) => [0, 400, 401].includes(await send(`Bearer ${value}`))),
    { numRuns: 200 },
  );
  t.equal(await send(`Bearer ${'x'.repeat(3000)}`), 401, 'a long one, too');
  t.equal(await send(`Bearer ${TOKEN}`), 200, 'and it still serves');
});
