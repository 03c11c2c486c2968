import t from 'tap';
import { readLiteral, readLong } from '../../../src/tasks/tcn/literal.ts';
import { toBytes } from './bodies.ts';

/** [value, offset after it]; null when refused. */
function read(reader: typeof readLong, text: string): [number, number] | null {
  const out = new Float32Array(1);
  const end = reader(toBytes(`${text}\0`), 0, out, 0);
  return end < 0 ? null : [out[0]!, end];
}

t.test('both readers read what JSON has, exactly, and end behind it', async (t) => {
  const literals = [
    '0',
    '-0',
    '7',
    '1.5',
    '-0.1234567890123456789012',
    '1e5',
    '-1E-05',
    '12345678901234567890',
    '0e99',
  ];
  const hard = [
    '0.12345678901234567',
    '123456789.5',
    '1e-400',
    '1e400',
    '9007199254740993',
    '1.000000059604644775390625',
  ];
  for (const text of [...literals, ...hard]) {
    const wanted = [Math.fround(JSON.parse(text)), text.length];
    t.strictSame(read(readLong, text), wanted, `readLong ${text}`);
    t.strictSame(read(readLiteral, text), wanted, `readLiteral ${text}`);
  }
});

t.test('both refuse what JSON does not have', async (t) => {
  for (const text of ['', '-', '.5', '-.5', '1.', '1.e5', '01', '-01', '00.5', '01.5', '1e', '1e+', 'e5', '+1']) {
    t.equal(read(readLong, text), null, `readLong ${text}`);
    t.equal(read(readLiteral, text), null, `readLiteral ${text}`);
  }
});
