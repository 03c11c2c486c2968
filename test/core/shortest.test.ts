import fc from 'fast-check';
import t from 'tap';
import { LONGEST_NUMBER, writeNumbers } from '../../src/core/shortest.ts';
import { toInferBody } from '../../src/tasks/tcn/body.ts';

const write = (...values: number[]) => {
  const bytes = new Uint8Array((LONGEST_NUMBER + 1) * values.length);
  return Buffer.from(bytes.subarray(0, writeNumbers(bytes, 0, Float32Array.from(values)))).toString();
};

/** The definition: the fewest significant digits that read back. */
function shortestDigits(value: number): number {
  let digits = 1;
  while (digits < 9 && Math.fround(Number(value.toPrecision(digits))) !== value) digits++;
  return digits;
}

const digitsOf = (text: string) =>
  text.replace(/e.*$/, '').replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '').length;

t.test('numbers as people write them', async (t) => {
  t.equal(
    write(0, -0, 1, -1, 0.5, 0.1, 9.81, -12.345, 100, 99999, 1 / 3),
    '0,-0,1,-1,0.5,0.1,9.81,-12.345,100,99999,0.33333334',
  );
  t.equal(
    write(1e-5, 1e-6, 1.5e-40, 1e5, 3.4028234663852886e38, 0.001),
    '0.00001,0.000001,1.5e-40,100000,3.4028235e+38,0.001',
  );
});

t.test('every float32 reads back bit for bit, in the fewest digits', async (t) => {
  const any = fc.float({ noNaN: true, noDefaultInfinity: true });
  const usual = fc.float({ noNaN: true, min: -100, max: 100 });
  fc.assert(
    fc.property(fc.oneof(any, usual, usual), (value) => {
      const text = write(value);
      if (!Object.is(Math.fround(JSON.parse(text)), value)) throw new Error(`${value} → ${text}`);
      if (digitsOf(text) > shortestDigits(value)) throw new Error(`${value} → ${text} is not the shortest`);
      if (text.length > LONGEST_NUMBER) throw new Error(`${text} is too long`);
    }),
    { numRuns: 5000 },
  );
  t.pass();
});

t.test('a body belongs to its reply: the next one does not change it', async (t) => {
  const first = toInferBody(Float32Array.of(1.5), Float32Array.of(0.25));
  const many = toInferBody(new Float32Array(500).fill(-1.2345678e-7), Float32Array.of(1));
  t.equal(Buffer.from(first).toString(), '{"latent":[1.5],"motif_scores":[0.25]}');
  t.equal(JSON.parse(Buffer.from(many).toString()).latent.length, 500);
});
