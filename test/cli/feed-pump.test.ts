import t from 'tap';
import { Bell } from '../../src/cli/feed-bell.ts';
import { SampleBuffer } from '../../src/cli/feed-buffer.ts';
import { pump } from '../../src/cli/feed-pump.ts';
import { newTally, type Recording, type Sample } from '../../src/cli/feed-recording.ts';

const sampleAt = (seq: number, timeMs: number): Sample => ({ seq, timeMs, values: new Float32Array(9) });

function recordingOf(samples: readonly Sample[], fault?: Error): Recording {
  return {
    name: 'r',
    rateHz: 100,
    units: { acc: 'm/s2', gyro: 'rad/s', mag: 'uT' },
    understood: [],
    warnings: [],
    isLive: false,
    isFile: true,
    tally: newTally(),
    samples: async function* () {
      yield* samples;
      if (fault !== undefined) throw fault;
    },
    close: () => {},
  };
}

/** Sleeps by moving the clock on. */
class QuickBell extends Bell {
  clock = 0;
  readonly slept: number[] = [];

  override async sleep(ms: number): Promise<void> {
    this.slept.push(ms);
    this.clock += ms;
  }
}

function deps(speed: number) {
  const bell = new QuickBell();
  const buffer = new SampleBuffer(1000);
  const { signal } = new AbortController();
  return { bell, buffer, speed, batch: 10, now: () => bell.clock, signal };
}

t.test('a recording at twice its speed takes half its time, gaps too', async (t) => {
  const samples = Array.from({ length: 30 }, (_, i) => sampleAt(i, i < 20 ? i * 10 : i * 10 + 1000));
  const given = deps(2);
  await pump(recordingOf(samples), given);
  t.same(given.bell.slept, [50, 550]);
  t.equal(given.buffer.unsent, 30);
});

t.test('a clock that goes back is followed from there on', async (t) => {
  const given = deps(1);
  const samples = Array.from({ length: 30 }, (_, i) => sampleAt(i, (i % 20) * 10));
  await pump(recordingOf(samples), given);
  t.same(given.bell.slept, [100]);
});

t.test('as fast as there is room nothing waits, and what came before a fault is handed on', async (t) => {
  const given = deps(Number.POSITIVE_INFINITY);
  const samples = Array.from({ length: 25 }, (_, i) => sampleAt(i, i * 10));
  await t.rejects(pump(recordingOf(samples, new Error('line 26')), given), { message: 'line 26' });
  t.same(given.bell.slept, []);
  t.equal(given.buffer.unsent, 25);
});
