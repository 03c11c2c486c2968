import { type Headers, toRequest } from '../../test/fakes/raw-client.ts';
import { exampleWindows } from './questions.ts';
import { addressOf, type Client, outcomeOf, repeat, toOutcome, withClient } from './scene.ts';

/**
 * Clients that say what is not so: about the size, the type, the numbers; or send what nobody could want. The rest of a body
 * that is longer than announced is a head to the library, and too large a one (431).
 */
interface Lie {
  readonly name: string;
  readonly bytes: Buffer;
  readonly allowed: readonly string[];
}

const window = exampleWindows()[2]!;
const body = Buffer.from(JSON.stringify({ x: window }));
const octets = Buffer.from(Float32Array.from(window.flat()).buffer);
const JSON_TYPE: Headers = [['content-type', 'application/json']];
const OCTETS: Headers = [['content-type', 'application/octet-stream']];
const as = (name: string, value: string): Headers => [...JSON_TYPE, [name, value]];
const infer = (headers: Headers, bytes: Uint8Array) => toRequest('POST', '/infer', headers, bytes);
const MEGABYTES = Buffer.alloc((1 << 20) + 1000, 0x20);

const LIES: readonly Lie[] = [
  { name: 'a longer body announced', bytes: infer(as('content-length', '9999'), body), allowed: ['silent', 'closed'] },
  {
    name: 'a shorter body announced',
    bytes: infer(as('content-length', '100'), body),
    allowed: ['422', '400', '431', 'closed'],
  },
  { name: 'a gigabyte announced', bytes: infer(as('content-length', '1000000000'), body), allowed: ['413', 'closed'] },
  {
    name: 'two lengths',
    bytes: infer([...as('content-length', '5'), ['content-length', '6']], body),
    allowed: ['400', '431', 'closed'],
  },
  {
    name: 'bad chunks',
    bytes: infer(as('transfer-encoding', 'chunked'), Buffer.from('zz\r\nno\r\n')),
    allowed: ['400', 'closed'],
  },
  {
    name: 'an endless chunk',
    bytes: infer(as('transfer-encoding', 'chunked'), Buffer.from('fffff\r\n{')),
    allowed: ['silent', 'closed'],
  },
  {
    name: 'chunked and sized',
    bytes: infer([...as('transfer-encoding', 'chunked'), ['content-length', '5']], body),
    allowed: ['400', 'closed'],
  },
  { name: 'too large', bytes: infer(JSON_TYPE, MEGABYTES), allowed: ['413', 'closed'] },
  { name: 'another type', bytes: infer([['content-type', 'image/png']], octets), allowed: ['415'] },
  { name: 'octets as JSON', bytes: infer(JSON_TYPE, octets), allowed: ['400', '422'] },
  { name: 'JSON as octets', bytes: infer(OCTETS, body), allowed: ['422'] },
  { name: 'NaN', bytes: infer(OCTETS, Buffer.alloc(3600, 0xff)), allowed: ['422'] },
  { name: 'half a JSON', bytes: infer(JSON_TYPE, body.subarray(0, 3000)), allowed: ['422'] },
  { name: 'brackets', bytes: infer(JSON_TYPE, Buffer.alloc(200_000, '[')), allowed: ['422'] },
  { name: 'bad UTF-8', bytes: infer(JSON_TYPE, Buffer.alloc(5000, 0xff)), allowed: ['400'] },
  { name: 'a model that is none', bytes: infer(as('x-model', 'nobody@9'), body), allowed: ['404'] },
  { name: 'a deadline that is none', bytes: infer(as('x-request-timeout-ms', 'soon'), body), allowed: ['400'] },
  { name: 'a deadline of 1 ms', bytes: infer(as('x-request-timeout-ms', '1'), body), allowed: ['200', '503'] },
  {
    name: 'no batch',
    bytes: toRequest('POST', '/infer/batch', JSON_TYPE, Buffer.from('{"windows":[]}')),
    allowed: ['422'],
  },
  {
    name: 'no windows in a batch',
    bytes: toRequest('POST', '/infer/batch', JSON_TYPE, Buffer.from('{"windows":[1,2,3]}')),
    allowed: ['422'],
  },
  { name: 'no such path', bytes: toRequest('GET', '/nowhere'), allowed: ['404'] },
  { name: 'no such method', bytes: toRequest('DELETE', '/infer'), allowed: ['405'] },
  {
    name: 'v2 of nothing',
    bytes: toRequest('POST', '/v2/models/x/infer', JSON_TYPE, Buffer.from('{"inputs":[]}')),
    allowed: ['400', '404'],
  },
  { name: 'no HTTP', bytes: Buffer.from('\x16\x03\x01\x02\0\x01\0\r\n\r\n'), allowed: ['400', '505', 'closed'] },
  { name: 'a head of 9 kB', bytes: toRequest('GET', '/', [['x-a', 'a'.repeat(9000)]]), allowed: ['431', 'closed'] },
];

const KIND = 'lying';

export const lyingClient: Client = async (scene) => {
  for (const { name, allowed } of LIES) scene.tally.expect(`${KIND}: ${name}`, [...allowed, 'no place']);
  const target = { port: scene.port, localAddress: addressOf(107) };
  await repeat(scene, 8, async (round) => {
    const { name, bytes } = LIES[round % LIES.length]!;
    const reply = await withClient(target, (client) => outcomeOf(client, bytes, 1000));
    scene.tally.count(`${KIND}: ${name}`, toOutcome(scene, reply));
  });
};

const GREEDY = 'lying: over its rate';
const batch = toRequest('POST', '/infer/batch', OCTETS, Buffer.concat(Array(64).fill(octets)));

/** A batch of 64 windows four times a second, where 100 windows a second are allowed. */
export const greedyClient: Client = async (scene) => {
  scene.tally.expect(GREEDY, ['200', '429', '503', 'no place']);
  const target = { port: scene.port, localAddress: addressOf(108) };
  await repeat(scene, 4, async () => {
    const reply = await withClient(target, (client) => outcomeOf(client, batch, 5000));
    scene.tally.count(GREEDY, toOutcome(scene, reply));
  });
};
