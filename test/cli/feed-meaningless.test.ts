import t from 'tap';
import { refuseMeaningless } from '../../src/cli/feed-meaningless.ts';
import { parseFeed } from '../../src/cli/feed-options.ts';

function refuse(kind: 'iio' | 'serial' | 'text', line: string): void {
  const options = parseFeed(['source', ...line.split(' ')]);
  if (options === null) throw new Error('help');
  refuseMeaningless(options, kind);
}

t.test('a sensor on a serial line takes its speed, and nothing of IIO devices', async (t) => {
  t.throws(() => refuse('serial', '--capture poll'), { code: 'USAGE', message: /--capture is for IIO devices/ });
  t.throws(() => refuse('serial', '--speed max'), { code: 'USAGE', message: /--speed is not for sensors/ });
  t.doesNotThrow(() => refuse('serial', '--baud 9600 --columns ax --skip-bad --time-unit ms --rate 100'));
});

t.test('what has a meaning is taken', async (t) => {
  t.doesNotThrow(() => refuse('text', '--speed 2 --columns ax --acc-unit g --skip-bad --hop 3 --url http://x'));
  t.doesNotThrow(() => refuse('iio', '--capture auto --root / --rate 100 --save x --output bar'));
});
