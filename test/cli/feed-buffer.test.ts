import t from 'tap';
import { SampleBuffer } from '../../src/cli/feed-buffer.ts';
import { toFrame } from '../../src/cli/feed-frame.ts';
import { Numbering, newTally, type Sample } from '../../src/cli/feed-recording.ts';
import { backoffMs, PATIENCE } from '../../src/cli/feed-tries.ts';

const sample = (seq: number, timeMs = seq * 10): Sample => ({ seq, timeMs, values: Float32Array.of(seq, 0.5) });
const seqsOf = (samples: readonly Sample[]) => samples.map(({ seq }) => seq);

function filled(seqs: readonly number[], capacity = 100): SampleBuffer {
  const buffer = new SampleBuffer(capacity);
  for (const seq of seqs) buffer.push(sample(seq));
  return buffer;
}

t.test('a frame takes what follows each other, up to its size', async (t) => {
  const buffer = filled([0, 1, 2, 5, 6]);
  t.same(seqsOf(buffer.take(2, 25)), [0, 1]);
  t.same(seqsOf(buffer.take(9, 25)), [2], 'not beyond a number that is left out');
  t.same(seqsOf(buffer.take(9, 25)), [5, 6]);
  t.same(seqsOf(buffer.take(9, 25)), []);
});

t.test('a clock that jumps or goes back begins a frame', async (t) => {
  const buffer = new SampleBuffer(100);
  for (const one of [sample(0), sample(1), sample(2, 500), sample(3, 490)]) buffer.push(one);
  t.same(
    [1, 2, 3].map(() => seqsOf(buffer.take(9, 25))),
    [[0, 1], [2], [3]],
  );
});

t.test('what is needed no more is forgotten, what a new stream begins with is not', async (t) => {
  const buffer = filled([0, 1, 2, 3, 4, 5, 6, 7]);
  buffer.take(6, 25);
  buffer.release(4, 20);
  t.equal(buffer.outstanding, 2, '4 and 5');
  buffer.rewind(4);
  t.same(seqsOf(buffer.take(9, 25)), [4, 5, 6, 7], 'a stream that goes on');
  buffer.rewind(null);
  t.same(seqsOf(buffer.take(9, 25)), [2, 3, 4, 5, 6, 7], 'one that begins anew');
  t.equal(buffer.sent, 8, 'each counted once');
});

t.test('a full buffer loses its oldest, and counts only what was never sent', async (t) => {
  const buffer = filled([0, 1, 2, 3], 4);
  buffer.take(2, 25);
  for (const seq of [4, 5, 6]) buffer.push(sample(seq));
  t.equal(buffer.lost, 1);
  t.same(seqsOf(buffer.take(9, 25)), [3, 4, 5, 6]);
});

t.test('a frame is laid out as the protocol says', async (t) => {
  const bytes = Buffer.from(toFrame([sample(2 ** 32 + 7, 12.5), sample(2 ** 32 + 8)]));
  t.same([bytes.readUInt8(0), bytes.readUInt8(1), bytes.readUInt16LE(2)], [1, 0, 2]);
  t.equal(bytes.readUInt32LE(4), 7, 'modulo 2^32');
  t.equal(bytes.readDoubleLE(8), 12.5);
  t.equal(bytes.readFloatLE(16 + 4), 0.5);
  t.equal(bytes.length, 16 + 2 * 2 * 4);
});

t.test('numbers follow the times, and a clock that jumps by years does not run away with them', async (t) => {
  const tally = newTally();
  const numbering = new Numbering(100, 0, tally);
  const times = [1000, 1010, 1020, 1050, 1060, null, 1080, 900, 910, 1e12];
  t.same(
    times.map((time) => numbering.next(time).seq),
    [0, 1, 2, 5, 6, 7, 8, 9, 10, 1_000_010],
  );
  t.equal(tally.jumps, 2);
});

t.test('waiting gets longer up to a limit, and half of it is left to chance', async (t) => {
  t.same(
    [1, 2, 3, 9].map((failures) => backoffMs(failures, PATIENCE, 1)),
    [250, 500, 1000, 10_000],
  );
  t.equal(backoffMs(2, PATIENCE, 0), 250);
});
