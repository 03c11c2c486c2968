import t from 'tap';
import { didYouMean, nearest } from '../../src/config/nearest.ts';

const KEYS = ['host', 'port', 'max_body_bytes', 'max_connections', 'drain_timeout_ms'];
const CASES: readonly [word: string, meant: string, isClose: boolean][] = [
  ['port', 'port', true],
  ['prot', 'port', true],
  ['hosts', 'host', true],
  ['Host', 'host', true],
  ['maxBodyBytes', 'max_body_bytes', true],
  ['max-connections', 'max_connections', true],
  ['max_conections', 'max_connections', true],
  ['drain_timeout', 'drain_timeout_ms', true],
  ['colour', 'host', false],
];

t.test('the nearest word is found, and only a misspelling counts as close', async (t) => {
  for (const [word, meant, isClose] of CASES) t.same(nearest(word, KEYS), { word: meant, isClose }, word);
});

t.test('without candidates there is no nearest word', async (t) => {
  t.equal(nearest('x', []), null);
});

t.test('a suggestion is made only when it is close', async (t) => {
  t.equal(didYouMean('prot', KEYS), ' Did you mean "port"?');
  t.equal(didYouMean('colour', KEYS), '');
  t.equal(didYouMean('x'.repeat(1_000_000), KEYS), '');
});
