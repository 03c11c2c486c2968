import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createExpectedVersion } from '../../src/config/expected-version.ts';
import { loadConfig } from '../../src/config/load.ts';

/** A YAML that can change, with a count of how often it was read. */
function changing(first: string) {
  const state = { yaml: first, stamp: 1, reads: 0 };
  const readFile = () => {
    state.reads += 1;
    return Buffer.from(state.yaml);
  };
  return { state, readFile, stamp: () => String(state.stamp) };
}

t.test('it equals the version in force until the YAML changes, and follows it then', async (t) => {
  const { state, readFile, stamp } = changing('server: {port: 9001}');
  const env = { LOG_LEVEL: 'debug' };
  const actual = loadConfig({ path: '/c.yaml', env, readFile }).version16;
  const expected = createExpectedVersion({ yamlPath: () => '/c.yaml', env, readFile, stamp });
  t.equal(expected(), actual);
  Object.assign(state, { yaml: 'server: {port: 9002}', stamp: 2 });
  t.not(expected(), actual);
  t.match(expected(), /^[0-9a-f]{16}$/);
});

t.test('the file is read again only when its stamp has changed', async (t) => {
  const { state, readFile, stamp } = changing('');
  const expected = createExpectedVersion({ yamlPath: () => '/c.yaml', env: {}, readFile, stamp });
  for (let scrape = 0; scrape < 5; scrape += 1) expected();
  t.equal(state.reads, 1);
  state.stamp = 2;
  expected();
  t.equal(state.reads, 2);
});

t.test('what cannot be known is null: no YAML, none on disk, one with errors', async (t) => {
  const { state, readFile, stamp } = changing('nonsense');
  const of = (yamlPath: string | null) => createExpectedVersion({ yamlPath: () => yamlPath, env: {}, readFile, stamp });
  t.equal(of(null)(), null);
  const broken = of('/c.yaml');
  t.equal(broken(), null);
  broken();
  t.equal(state.reads, 1, 'a broken file is not parsed again at each scrape');
  t.equal(createExpectedVersion({ yamlPath: () => '/no/such.yaml', env: {} })(), null);
});

t.test('a real file is watched by its times and size', async (t) => {
  const path = join(t.testdir({ 'c.yaml': 'server: {port: 9001}' }), 'c.yaml');
  const expected = createExpectedVersion({ yamlPath: () => path, env: {} });
  const before = expected();
  t.equal(before, loadConfig({ path, env: {} }).version16);
  writeFileSync(path, 'server: {port: 19001}');
  t.equal(expected(), loadConfig({ path, env: {} }).version16);
  t.not(expected(), before);
});
