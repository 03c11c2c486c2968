import t from 'tap';
import { CHANNELS } from '../../../../src/tasks/tcn/schema.ts';
import { Suspicions } from '../../../../src/tasks/tcn/stream/suspicions.ts';
import { DOMAINS, readWindows } from '../../../fixtures/imu-windows.ts';

const GYRO_WARNING = [{ code: 'gyro_deg_s', text: 'gyro looks like deg/s' }];

/** The gyroscope k times as large: as far as a field can tell, the same as time that passes k times as fast. */
const claiming = (window: Float32Array, k: number) =>
  window.map((value, i) => (i % CHANNELS >= 3 && i % CHANNELS < 6 ? value * k : value));

/** What is said after twenty windows, declared as 100 Hz. */
function after(windows: readonly Float32Array[], k: number, measuredHz: number | null = null) {
  const suspicions = new Suspicions(100);
  for (const [i, window] of windows.entries()) suspicions.look(claiming(window, k), (i + 1) * 100);
  return { rate: suspicions.rate(measuredHz), again: suspicions.rate(measuredHz), suspicions };
}

/** Streams of windows in which something turns, of both domains. */
const streams = DOMAINS.flatMap((domain) => {
  const { motifs, labels, windows } = readWindows(domain);
  const turning = windows.filter((_, i) => ['gallop', 'jump', 'shake', 'roll_over'].includes(motifs[labels[i]!]!));
  return [turning.slice(0, 20), turning.slice(-20)];
});

t.test('a rate that is declared twice too low or too high is told, once, without any timestamp', async (t) => {
  for (const windows of streams) {
    t.match(after(windows, 2).rate, /about 200 Hz, not the declared 100 Hz/);
    t.match(after(windows, 0.5).rate, /about [56]0 Hz, not the declared 100 Hz/);
    t.equal(after(windows, 2).again, null);
  }
});

t.test('the right rate is never doubted, nor deg/s taken for one', async (t) => {
  for (const windows of streams) {
    t.equal(after(windows, 1).rate, null);
    t.equal(after(windows, 180 / Math.PI).rate, null);
  }
});

t.test('timestamps that tell it already are believed, and those that do not are not', async (t) => {
  const [windows] = streams;
  t.equal(after(windows!, 2, 198).rate, null);
  t.match(after(windows!, 2, 100).rate, /about 200 Hz/);
});

t.test('a wrong rate is not taken for deg/s, and deg/s are told still', async (t) => {
  for (const windows of streams) {
    t.same(after(windows, 3).suspicions.believed(GYRO_WARNING), []);
    t.same(after(windows, 180 / Math.PI).suspicions.believed(GYRO_WARNING), GYRO_WARNING);
    t.same(after([], 1).suspicions.believed(GYRO_WARNING), GYRO_WARNING);
  }
});

t.test('rows of windows that overlap are looked at once; a field that rests, or is none, says nothing', async (t) => {
  const [windows] = streams;
  const overlapping = new Suspicions(100);
  for (let i = 0; i < 20; i++) overlapping.look(claiming(windows![0]!, 2), 100 + i * 5);
  t.equal(overlapping.rate(null), null, 'two windows, not twenty');
  const still = Array.from({ length: 20 }, () =>
    Float32Array.from({ length: 900 }, (_, i) => [0, 0, 9.8, 1, 0, 0, 22, 0, -40][i % 9]!),
  );
  t.equal(after(still, 1).rate, null);
  t.equal(
    after(
      windows!.map((window) => window.map((value, i) => (i % 9 > 5 ? 0 : value))),
      2,
    ).rate,
    null,
  );
});
