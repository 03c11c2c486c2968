import fc from 'fast-check';
import t from 'tap';
import { SidecarError } from '../../../src/core/errors.ts';
import { INFER_DOOR } from '../../../src/tasks/tcn/door.ts';
import { explain, explainBatch } from '../../../src/tasks/tcn/explain.ts';
import { findJsonFault } from '../../../src/tasks/tcn/json-fault.ts';
import { CHANNELS, NO_RANGES, RANGES, ROWS } from '../../../src/tasks/tcn/schema.ts';
import { parseWindow, parseWindows } from '../../../src/tasks/tcn/window.ts';
import { batchBodies, bodies, literals, mutations, restRows, toBytes } from './bodies.ts';
import { judge, judgeBatch } from './judge.ts';

/** Both paths against JSON.parse, the judge. RUNS multiplies the cases for a long run. */
const RUNS = Number(process.env.PROPERTY_RUNS ?? 1);

function orRefused<T>(read: () => T): T | null {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof SidecarError && ['INVALID_INPUT', 'INVALID_UTF8'].includes(thrown.code)) return null;
    throw thrown;
  }
}

const bits = (window: Float32Array | null) => window && Buffer.from(window.buffer).toString('hex');
let accepted = 0;
let fast = 0;

function checkAgreement(body: Uint8Array, limits: Float64Array): void {
  const wanted = bits(judge(body, limits));
  const quick = bits(parseWindow(body, INFER_DOOR, limits));
  if (bits(orRefused(() => explain(body, INFER_DOOR, limits))) !== wanted)
    throw new Error('the exact path differs from JSON.parse');
  if (quick !== null && quick !== wanted) throw new Error('the one-pass parser differs from JSON.parse');
  if (wanted !== null) accepted++;
  if (quick !== null) fast++;
}

const limits = fc.constantFrom(RANGES, NO_RANGES, NO_RANGES);

t.test('generated bodies: both paths give the values of JSON.parse, bit for bit, or refuse as it does', async (t) => {
  fc.assert(
    fc.property(bodies, limits, (text, ranges) => checkAgreement(toBytes(text), ranges)),
    { numRuns: 1500 * RUNS },
  );
  t.ok(accepted > 100 * RUNS && fast > 30 * RUNS, `${accepted} accepted, ${fast} of them in one pass`);
});

t.test('mutated bodies: no accident makes the paths disagree', async (t) => {
  const compact = fc.array(literals, { minLength: 5, maxLength: 20 }).map((pool) => {
    const rows = restRows().map((row, i) => row.map((_, j) => pool[(i * CHANNELS + j) % pool.length]!));
    return `{"x":[${rows.map((row) => `[${row.join(',')}]`).join(',')}]}`;
  });
  const before = accepted;
  fc.assert(
    fc.property(compact, mutations, limits, (text, change, ranges) => checkAgreement(change(toBytes(text)), ranges)),
    { numRuns: 1500 * RUNS },
  );
  t.ok(accepted > before, 'some mutants are still windows');
});

const MOST = 4;
const allBits = (windows: readonly (Float32Array | Error | null)[] | null) =>
  windows && JSON.stringify(windows.map((window) => bits(window instanceof Error ? null : window)));

function checkBatchAgreement(body: Uint8Array, limits: Float64Array): void {
  const wanted = allBits(judgeBatch(body, limits, MOST));
  const quick = allBits(parseWindows(body, limits, MOST));
  if (allBits(orRefused(() => explainBatch(body, limits, MOST))) !== wanted)
    throw new Error('the exact path differs from JSON.parse for a batch');
  if (quick !== null && quick !== wanted) throw new Error('the one-pass parser differs from JSON.parse for a batch');
  if (wanted !== null) accepted++;
  if (quick !== null) fast++;
}

t.test('generated batches: both paths find the windows that JSON.parse finds, each in its place', async (t) => {
  [accepted, fast] = [0, 0];
  fc.assert(
    fc.property(batchBodies, limits, (text, ranges) => checkBatchAgreement(toBytes(text), ranges)),
    { numRuns: 500 * RUNS },
  );
  t.ok(accepted > 50 * RUNS && fast > 25 * RUNS, `${accepted} accepted, ${fast} of them in one pass`);
});

t.test('mutated batches: no accident makes the paths disagree', async (t) => {
  [accepted, fast] = [0, 0];
  fc.assert(
    fc.property(batchBodies, mutations, limits, (text, change, ranges) =>
      checkBatchAgreement(change(toBytes(text)), ranges),
    ),
    { numRuns: 500 * RUNS },
  );
  t.ok(accepted > 0, 'some mutants are still batches');
});

t.test('literals: every number reads as Math.fround(JSON.parse(literal))', async (t) => {
  const window = fc.array(literals, { minLength: ROWS * CHANNELS, maxLength: ROWS * CHANNELS });
  let read = 0;
  fc.assert(
    fc.property(window, (texts) => {
      const usable = texts.map((text) => (Number.isFinite(Math.fround(JSON.parse(text))) ? text : '0'));
      const rows = Array.from({ length: ROWS }, (_, i) => usable.slice(i * CHANNELS, (i + 1) * CHANNELS).join());
      const got = parseWindow(toBytes(`{"x":[[${rows.join('],[')}]]}`), INFER_DOOR, NO_RANGES);
      const wanted = Float32Array.from(usable, (text) => JSON.parse(text) as number);
      for (const [i, value] of wanted.entries()) {
        if (!Object.is(got?.[i], value)) throw new Error(`${usable[i]} read as ${got?.[i]}, not ${value}`);
      }
      read += usable.length;
    }),
    { numRuns: 40 * RUNS },
  );
  t.equal(read, 40 * RUNS * ROWS * CHANNELS, `${read} literals read in one pass`);
});

t.test('the fault finder finds a fault exactly where JSON.parse throws', async (t) => {
  const small = fc.oneof(
    fc.json({ maxDepth: 4 }).map(toBytes),
    fc.tuple(fc.json({ maxDepth: 3 }).map(toBytes), mutations).map(([body, change]) => change(body)),
    fc.tuple(literals.map(toBytes), mutations).map(([body, change]) => change(body)),
  );
  fc.assert(
    fc.property(small, (body) => {
      let text: string;
      try {
        text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
      } catch {
        return;
      }
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      const fault = findJsonFault(body, 0);
      if ((fault === null) !== isJson) throw new Error(`${text}: ${JSON.stringify(fault)}`);
      if (fault && (fault.offset < 0 || fault.offset > body.length)) throw new Error(`offset ${fault.offset}`);
    }),
    { numRuns: 5000 * RUNS },
  );
  t.pass();
});
