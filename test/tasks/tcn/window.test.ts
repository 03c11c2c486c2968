import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { INFER_DOOR } from '../../../src/tasks/tcn/door.ts';
import { NO_RANGES, RANGES } from '../../../src/tasks/tcn/schema.ts';
import { parseWindow } from '../../../src/tasks/tcn/window.ts';
import { restRows, toBytes, withLiteral } from './bodies.ts';

const SAMPLES = join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'samples');
const read = (literal: string) => parseWindow(toBytes(withLiteral(literal)), INFER_DOOR, NO_RANGES)?.[3 * 9 + 4];

t.test('every form of a JSON number is read in one pass, exactly', async (t) => {
  const literals = ['0', '-0', '-0.0', '7', '0.381', '-12.345', '123456789', '1234567890', '0.123456789', '9.806651'];
  const long = ['1.2345679e-05', '1E+2', '-0e5', '0.1234567890123456789', '-3.141592653589793', '16777217', '1e-400'];
  const hard = [
    '1.00000005960464477539062500001',
    '123456789.123456789',
    '0.00000000000000000000000000001',
    '2e38',
    '1.5e00001',
  ];
  for (const literal of [...literals, ...long, ...hard]) {
    t.ok(Object.is(read(literal), Math.fround(JSON.parse(literal))), literal);
  }
});

t.test('what is no JSON number, or no float32, is left to the exact path', async (t) => {
  const numbers = ['01', '-01', '-', '+1', '.5', '1.', '1.e5', '-.5', '1e', '1e+', '0x1', '1_0', '00.123456789012'];
  const others = [
    '1e39',
    '1e400',
    '-1e99',
    'NaN',
    'null',
    '"1"',
    '',
    '1 2',
    '[1]',
    '1.2.3',
    '1.2345678901234e',
    '1e5.5',
  ];
  for (const literal of [...numbers, ...others]) t.equal(read(literal), undefined, literal);
});

t.test('whitespace may stand between any two tokens', async (t) => {
  const wanted = restRows().flat().map(Math.fround);
  for (const space of [' ', '\n', '\t\r\n', '     ', '\n        ']) {
    const body = JSON.stringify({ x: restRows() }).replace(/[[\]{},:]/g, (token) => `${space}${token}${space}`);
    t.same([...(parseWindow(toBytes(body), INFER_DOOR, RANGES) ?? [])], wanted, JSON.stringify(space));
  }
});

t.test('a result is its caller’s: the next body does not change it', async (t) => {
  const first = parseWindow(toBytes(withLiteral('1.5')), INFER_DOOR, RANGES)!;
  parseWindow(toBytes(withLiteral('2.5')), INFER_DOOR, RANGES);
  t.equal(first[3 * 9 + 4], 1.5);
  t.equal(first.buffer.byteLength, 3600);
});

t.test('the published samples take the fast way', { skip: !existsSync(SAMPLES) && 'no ../shared here' }, async (t) => {
  for (const file of ['random_imu_sample.json', 'realistic_imu_sample.json', 'static_imu_sample.json']) {
    const body = readFileSync(join(SAMPLES, file));
    const { x } = JSON.parse(body.toString()) as { x: number[][] };
    t.same([...(parseWindow(body, INFER_DOOR, RANGES) ?? [])], x.flat().map(Math.fround), file);
  }
});
