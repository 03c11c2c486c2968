import t from 'tap';
import { corsHeaders, isAllowedOrigin, preflightHeaders } from '../../src/http/cors.ts';
import { headerOf, readFraming } from '../../src/http/framing.ts';
import { resolveHost, showAddress } from '../../src/http/listen.ts';
import { acceptedTypes, checkMediaType } from '../../src/http/media-type.ts';
import { createRequestIds } from '../../src/http/request-id.ts';
import { openRaw, reply, route, serve } from './serving.ts';

t.test('the end of a body is clear, or the request is refused', async (t) => {
  const read = (headers: string[]) => {
    try {
      return readFraming(headers).contentLength;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  t.same(
    [
      [],
      ['content-length', '12'],
      ['transfer-encoding', 'chunked'],
      ['transfer-encoding', 'Chunked'],
      ['content-length', '12', 'inference-header-content-length', '8'],
      ['content-length', '12', 'content-length', '12'],
      ['content-length', '12', 'inference-header-content-length', '8', 'inference-header-content-length', '8'],
      ['content-length', '12', 'transfer-encoding', 'chunked'],
      ['transfer-encoding', 'chunked', 'transfer-encoding', 'chunked'],
      ['transfer-encoding', 'gzip, chunked'],
      ['content-length', '+12'],
      ['content-length', '1e3'],
      ['content-length', ''],
      ['content-length', '1234567890123456'],
    ].map(read),
    [0, 12, null, null, 12, ...Array(9).fill('BAD_REQUEST')],
  );
});

t.test('the first header of a name is found, a missing one is empty', async (t) => {
  t.equal(headerOf(['a', '1', 'b', '2', 'b', '3'], 'b'), '2');
  t.equal(headerOf(['a', 'b'], 'b'), '', 'a value is no name');
});

t.test('JSON types pass, careless ones are named, foreign and compressed ones are refused', async (t) => {
  const accepted = acceptedTypes(route('/x', () => reply(''), { method: 'POST', kind: 'inference' }));
  const check = (type: string, encoding = '') => {
    try {
      checkMediaType(type, encoding, accepted);
      return 'ok';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  for (const type of ['', 'application/json', 'Application/JSON; charset=utf-8', 'application/vnd.imu+json', ';']) {
    t.equal(check(type), 'ok', type);
  }
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'json']) {
    t.equal(check(type), 'INVALID_INPUT', type);
  }
  for (const type of [
    'application/octet-stream',
    'image/png',
    'application/+json',
    'multipart/form-data; boundary=x',
  ]) {
    t.equal(check(type), 'UNSUPPORTED_MEDIA_TYPE', type);
  }
  t.equal(check('application/json', 'gzip'), 'UNSUPPORTED_MEDIA_TYPE');
  t.equal(check('application/json', 'Identity'), 'ok');
});

t.test('a route without a body of interest takes any type', async (t) => {
  const any = acceptedTypes(route('/x', () => reply('')));
  t.doesNotThrow(() => checkMediaType('image/png', 'gzip', any));
  t.same(acceptedTypes(route('/x', () => reply(''), { accepts: ['image/*'] })), ['image/*']);
  t.doesNotThrow(() => checkMediaType('image/png', '', ['image/*']));
});

t.test('CORS headers are given to allowed origins only', async (t) => {
  t.same(corsHeaders('', ['*']), []);
  t.match(corsHeaders('https://a', ['*']), [['Access-Control-Allow-Origin', '*']]);
  t.same(corsHeaders('https://a', []), [['Vary', 'Origin']]);
  t.match(corsHeaders('https://a', ['https://a']).at(-1), ['Vary', 'Origin']);
  t.same(
    [isAllowedOrigin('', ['*']), isAllowedOrigin('https://a', ['*']), isAllowedOrigin('https://b', ['x'])],
    [false, true, false],
  );
});

t.test('a preflight repeats harmless header names and nothing else', async (t) => {
  const allowed = (requested: string) => preflightHeaders('POST', requested)[1]?.[1];
  t.equal(allowed('X-A, X-B'), 'X-A, X-B');
  t.match(allowed('X-A\r\nX-Evil: 1'), /^Content-Type/);
  t.match(allowed(Array(40).fill('X-A').join(',')), /^Content-Type/);
});

t.test('new request ids differ and carry the prefix', async (t) => {
  const next = createRequestIds('abc');
  t.same([next(''), next('mine'), next('')], ['abc-1', 'mine', 'abc-2']);
});

t.test('localhost is both loopbacks at most, an address is itself', async (t) => {
  t.same(await resolveHost('127.0.0.9'), ['127.0.0.9']);
  const found = await resolveHost('localhost');
  t.ok(found.every((address) => ['127.0.0.1', '::1'].includes(address)) && found.length > 0);
  t.same([showAddress('::1', 9000), showAddress('127.0.0.1', 9000)], ['[::1]:9000', '127.0.0.1:9000']);
});

t.test('an answer without a body announces none, to the byte', async (t) => {
  const { port } = await serve(t, [route('/a', () => reply('a'))]);
  const peer = await openRaw(t, port);
  peer.socket.write('OPTIONS /a HTTP/1.1\r\nhost: x\r\norigin: http://o\r\n\r\n');
  await peer.until(/\r\n\r\n/);
  t.match(peer.said(), /^HTTP\/1\.1 204 No Content\r\n/);
  t.notMatch(peer.said(), /^content-length:/im);
});

t.test('a chunked body where none is read closes the connection: what follows it is no request', async (t) => {
  const { port, records } = await serve(t, [route('/a', () => reply('a'))]);
  const peer = await openRaw(t, port);
  const inner = 'GET /a HTTP/1.1\r\nhost: x\r\n\r\n';
  peer.socket.write(`GET /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n${inner}`);
  await peer.closed;
  t.notMatch(peer.said(), / 200 OK/);
  t.same(
    records.filter(({ status }) => status === 200),
    [],
  );
});
