import fc from 'fast-check';
import { restWindow } from '../../fakes/daemon.ts';

/** Heads and bodies that contradict each other, or are no HTTP: bytes for a connection of their own. */
const body = JSON.stringify({ x: restWindow() });
const octets = Buffer.from(Float32Array.from(restWindow().flat()).buffer);
const line = 'POST /infer HTTP/1.1';
const at = (lines: readonly string[], rest: string | Uint8Array = body) =>
  Buffer.concat([Buffer.from([...lines, '', ''].join('\r\n'), 'latin1'), Buffer.from(rest as string, 'latin1')]);

const lengths = fc
  .oneof(
    fc.integer({ min: -20, max: 20 }).map((off) => String(body.length + off)),
    fc.constantFrom(
      '0',
      '1',
      '-1',
      '+5',
      '5 5',
      '5,5',
      '0x10',
      '1e3',
      'abc',
      '',
      '007',
      '9'.repeat(15),
      '9'.repeat(40),
    ),
  )
  .map((length) => at([line, 'host: x', 'content-type: application/json', `content-length: ${length}`]));

const codings = fc
  .tuple(
    fc.constantFrom('chunked', 'Chunked', 'gzip', 'identity', 'chunked, chunked', 'xchunked', ''),
    fc.constantFrom('zz', '-1', 'ffffffffffffffff', '10000000000000000', '5;ext=1', '0x5', '5 ', '', '0', 'FFFFFFF'),
    fc.constantFrom('\r\n', '\n', '', '\r\r\n'),
    fc.constantFrom('0\r\n\r\n', '0\r\nTrailer: x\r\n\r\n', '', '0\r\n', '-0\r\n\r\n'),
  )
  .map(([coding, size, end, last]) =>
    at([line, 'host: x', `transfer-encoding: ${coding}`], `${size}${end}{"x":${end}${last}`),
  );

const heads = fc
  .constantFrom<readonly string[]>(
    ['POST /infer HTTP/1.0', 'host: x'],
    ['POST /infer HTTP/9.9', 'host: x'],
    ['POST /infer', 'host: x'],
    ['POST  /infer HTTP/1.1', 'host: x'],
    ['\0POST /infer HTTP/1.1', 'host: x'],
    ['PRI * HTTP/2.0', '', 'SM'],
    [line],
    [line, 'host: x', 'no colon'],
    [line, 'host: x', ': no name'],
    [line, 'host: x', 'a\0b: c'],
    [line, 'host: x', 'folded: a', ' b'],
    [line, 'host: x', `long: ${'a'.repeat(9000)}`],
    [line, 'host: x', ...Array.from({ length: 150 }, (_, i) => `h${i}: v`)],
    [line, 'host: x', 'content-length : 5'],
    [line, 'host: x', `content-length: ${body.length}`, 'content-length: 5'],
    [line, 'host: x', `content-length: ${body.length}`, 'transfer-encoding: chunked'],
    [`POST /${'a'.repeat(9000)} HTTP/1.1`, 'host: x'],
    ['GET http://[::1/infer HTTP/1.1', 'host: x'],
    ['OPTIONS * HTTP/1.1', 'host: x'],
    ['CONNECT x:80 HTTP/1.1', 'host: x'],
    ['TRACE /infer HTTP/1.1', 'host: x'],
    [line, 'host: x', 'connection: upgrade', 'upgrade: websocket', 'sec-websocket-key: x'],
  )
  .map((lines) => at(lines));

/** A right binary request with bytes changed anywhere, head included. */
const scribbled = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 4 }).map((changes) => {
  const bytes = at([line, 'host: x', 'content-type: application/octet-stream', 'content-length: 3600'], octets);
  for (const [place, byte] of changes) bytes[place] = byte;
  return bytes;
});

const whole = at([line, 'host: x', `content-length: ${body.length}`]);
const unfinished = fc.nat(whole.length - 1).map((length) => whole.subarray(0, length));

export const framings: fc.Arbitrary<Buffer> = fc.oneof(lengths, codings, heads, scribbled, unfinished);
