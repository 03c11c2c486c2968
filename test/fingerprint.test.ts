import t from 'tap';
import { createGoldenWatch, whySlow } from '../src/fingerprint.ts';
import type { State } from '../src/state.ts';

const figures = (medianMs: number, backend: 'hailo' | 'cpu' = 'hailo') =>
  ({ windows: 4, cosine: 0.999, maxAbs: 0.1, medianMs, backend }) as const;

t.test('a device is slow when it takes twice what its bundle expects, our own share aside', async (t) => {
  t.equal(whySlow(figures(0.9), 0.7), null);
  t.match(whySlow(figures(2.1), 0.7), /2\.10 ms per window, 3\.0 times the 0\.7 ms.*400 MHz/);
  t.equal(whySlow(figures(2.1, 'cpu'), 0.7), null, 'the CPU is no slow device');
  t.equal(whySlow(figures(2.1), undefined), null, 'nothing is expected');
});

t.test('it is said once, and once more when it is over; the figures are kept', async (t) => {
  const said: string[] = [];
  const say = (_fields: object, message: string) => void said.push(message);
  const state = { manifest: { artefacts: [{ kind: 'hef', expected_device_ms: 0.7 }] } } as unknown as State;
  const watch = createGoldenWatch(state, { debug: say, info: say, warn: say, error: say });
  for (const run of [figures(0.8), figures(3), figures(3), figures(1, 'cpu'), figures(0.8)]) watch(run);
  t.match(said, [/takes 3\.00 ms/, /as fast as expected again/]);
  t.equal(said.length, 2);
  t.equal(state.golden?.medianMs, 0.8);
});
