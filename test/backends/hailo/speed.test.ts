import t from 'tap';
import { createSpeedWatch, whySlow } from '../../../src/backends/hailo/speed.ts';

t.test('a device is slow when it takes much longer than its bundle expects, our own share aside', async (t) => {
  t.equal(whySlow(0.9, 0.7), null);
  t.match(whySlow(2.1, 0.7), /2\.10 ms per window, 3\.0 times the 0\.7 ms.*400 MHz/);
  t.match(whySlow(0.45, 0.2), /2\.3 times/, 'a fast network on half the clock, too');
  t.equal(whySlow(9, null), null, 'nothing is expected');
  t.equal(whySlow(null, 0.7), null, 'nothing was measured');
});

t.test('it is said once, and once more when it is over; no measurement is no news', async (t) => {
  const said: string[] = [];
  const say = (_fields: object, message: string) => void said.push(message);
  const watch = createSpeedWatch(0.7, { debug: say, info: say, warn: say, error: say });
  for (const windowMs of [0.8, 3, null, 3, null, 0.8]) watch(windowMs);
  t.match(said, [/takes 3\.00 ms/, /as fast as expected again/]);
  t.equal(said.length, 2);
});
