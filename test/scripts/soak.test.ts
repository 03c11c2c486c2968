import t from 'tap';
import type { Sample } from '../../scripts/soak/samples.ts';
import { readPage } from '../../scripts/soak/samples.ts';
import { Tally } from '../../scripts/soak/tally.ts';
import { faultsOf, type Run, slopePerHour, toTables } from '../../scripts/soak/verdict.ts';

/** The judgement of `npm run soak`: what is flat, and what is not. */
const STEADY: Sample = {
  atS: 0,
  rssMb: 170,
  anonMb: 90,
  heapMb: 30,
  externalMb: 10,
  descriptors: 50,
  threads: 12,
  loopLagMs: 1,
  queued: 0,
  goodPerS: 100,
};
/** A sample each three seconds, for ten minutes. */
const samplesOf = (change: (atS: number) => Partial<Sample>) =>
  Array.from({ length: 200 }, (_, i) => ({ ...STEADY, atS: i * 3, ...change(i * 3) }));

const run = (changes: Partial<Run> = {}): Run => ({
  samples: samplesOf((atS) => ({ rssMb: 170 + Math.sin(atS) * 3, heapMb: 30 + (atS % 30) / 3 })),
  warmUpS: 60,
  descriptors: [30, 30],
  asked: 1000,
  answered: 990,
  wrong: 0,
  unexpected: 0,
  errors: 0,
  death: null,
  kinds: [{ kind: 'steady', counts: new Map([['200', 990]]) }],
  ...changes,
});

t.test('memory that goes up and down, and refusals by the deadline, are flat', async (t) => {
  t.same(faultsOf(run()), []);
});

t.test('what grows before the warm-up is over is not judged', async (t) => {
  t.same(faultsOf(run({ samples: samplesOf((atS) => ({ rssMb: atS < 60 ? 100 : 170 })) })), []);
});

t.test('each thing that is not flat is named', async (t) => {
  const grown = (change: (part: number) => Partial<Sample>) => ({ samples: samplesOf((atS) => change(atS / 600)) });
  const cases: [Partial<Run>, RegExp][] = [
    [grown((part) => ({ rssMb: 170 + 20 * part })), /memory \(RSS\) grew by 13\.\d MB, 8\.\d MB are tolerated/],
    [grown((part) => ({ rssMb: 1000 + 80 * part })), /memory \(RSS\) grew by 5\d\.\d MB, 50\.\d MB are tolerated/],
    [grown((part) => ({ heapMb: 30 + 15 * part })), /heap grew/],
    [grown((part) => ({ threads: part > 0.8 ? 13 : 12 })), /1 threads were added/],
    [grown((part) => ({ rssMb: part > 0.8 ? Number.NaN : 170 })), /memory \(RSS\) grew by NaN/],
    [{ descriptors: [30, 31] }, /31 descriptors are open/],
    [{ descriptors: [30, Number.NaN], death: 'status 70, signal null' }, /the daemon ended: status 70/],
    [{ wrong: 1 }, /1 wrong answers/],
    [{ unexpected: 2 }, /2 replies that no such client should get/],
    [{ errors: 3 }, /logged 3 errors/],
    [{ answered: 900 }, /only 900 were answered/],
    [{ kinds: [{ kind: 'crashing', counts: new Map() }] }, /nobody was there of: crashing/],
    [{ samples: [] }, /too short/],
  ];
  for (const [changes, sentence] of cases) {
    const faults = faultsOf(run(changes));
    t.equal(faults.length, 1, faults.join('; '));
    t.match(faults[0], sentence);
  }
});

t.test('a daemon that dies early is not just a short run', async (t) => {
  t.match(faultsOf(run({ samples: [], death: 'status null, signal SIGKILL' })), [
    /the daemon ended: .*SIGKILL/,
    /too short/,
  ]);
});

t.test('fewer descriptors than before are no fault', async (t) => {
  t.same(faultsOf(run({ descriptors: [30, 29] })), []);
});

t.test('the slope is per hour', async (t) => {
  const samples = samplesOf((atS) => ({ rssMb: 100 + atS / 60 }));
  t.equal(Math.round(slopePerHour(samples, ({ rssMb }) => rssMb)), 60);
});

t.test('the tables have the quarters, and who met what', async (t) => {
  const samples = samplesOf((atS) => ({ rssMb: atS < 300 ? 170 : 171 }));
  const tables = toTables(run({ samples, warmUpS: 0 }));
  t.match(tables, /^\| memory \(RSS\) \| 170\.0 MB \| 171\.0 MB \|$/m);
  t.match(tables, /^\| open descriptors, all clients gone \| 30 before \| 30 after \|$/m);
  t.match(tables, /^\| steady \| 200: 990 \|$/m);
});

t.test('an outcome that a kind of client may not meet is counted and told', async (t) => {
  const tally = new Tally();
  tally.expect('lying', ['422', 'closed']);
  for (const outcome of ['422', 'closed', '500', '422']) tally.count('lying', outcome);
  tally.countWrong('steady', 'x'.repeat(1000));
  t.same([tally.unexpected, tally.wrong], [1, 1]);
  t.same(
    [...tally.kinds[0]!.counts],
    [
      ['422', 2],
      ['closed', 1],
      ['500', 1],
    ],
  );
  t.match(tally.complaints, [/lying: 500$/, /steady: wrong answer: x{200}$/]);
});

t.test('a figure that the page does not have is no number, and never flat', async (t) => {
  t.same(readPage('hailo_queue_waiting 1\nhailo_queue_in_flight 2\nnodejs_heap_size_used_bytes 2097152\n'), {
    heapMb: 2,
    externalMb: Number.NaN,
    loopLagMs: Number.NaN,
    queued: 3,
  });
});
