import t from 'tap';
import { DEFAULT_YAML_PATH } from '../../src/config/files.ts';
import { loadConfig } from '../../src/config/load.ts';
import { reloadConfig } from '../../src/config/reload.ts';
import { fakeFiles } from './fake-files.ts';

const source = (yaml: string, env = {}) => ({ path: '/c.yaml', env, readFile: fakeFiles({ '/c.yaml': yaml }) });
const BEFORE = 'inference:\n  deadline_ms: 40\nserver:\n  port: 9000\n';

t.test('reloadable keys take effect, the others wait for a restart and are named', async (t) => {
  const current = loadConfig(source(BEFORE));
  const after = 'server:\n  port: 9001\n  cors_origins: [https://a.example]\ninference:\n  deadline_ms: 30\n';
  const { loaded, applied, needsRestart } = reloadConfig(current, source(after));
  t.same(applied, [
    { key: 'server.cors_origins', from: ['*'], to: ['https://a.example'] },
    { key: 'inference.deadline_ms', from: 40, to: 30 },
  ]);
  t.same(needsRestart, [{ key: 'server.port', from: 9000, to: 9001 }]);
  t.equal(loaded.config.inference.deadline_ms, 30);
  t.equal(loaded.config.server.port, 9000);
  t.equal(loaded.origins['inference.deadline_ms'], 'yaml:/c.yaml:5');
  t.equal(loaded.origins['server.port'], 'yaml:/c.yaml:4', 'the origin of the value in force');
  t.same(loaded.warnings, ['server.port has changed; restart to apply it.']);
  t.not(loaded.version16, current.version16);
  t.not(loaded.version16, loadConfig(source(after)).version16, 'what is in force is not yet what the file says');
  t.equal(current.config.inference.deadline_ms, 40, 'the old configuration is untouched');
});

t.test('a reload of the same file changes nothing', async (t) => {
  const current = loadConfig(source(BEFORE));
  t.same(reloadConfig(current, source(BEFORE)), { loaded: current, applied: [], needsRestart: [] });
});

t.test('the environment still wins after a reload', async (t) => {
  const env = { LOG_LEVEL: 'error' };
  const { loaded, applied } = reloadConfig(loadConfig(source('', env)), source('logging: {level: debug}', env));
  t.same(applied, []);
  t.equal(loaded.config.logging.level, 'error');
});

t.test('a bad file is refused and nothing has changed', async (t) => {
  const current = loadConfig(source(BEFORE));
  const copy = structuredClone(current);
  t.throws(() => reloadConfig(current, source('inference: {deadline_ms: 0}')), { code: 'CONFIG_INVALID' });
  t.throws(() => reloadConfig(current, { ...source(''), readFile: fakeFiles({}) }), { code: 'CONFIG_UNREADABLE' });
  t.same(current, copy);
});

t.test('a default file that vanished is refused instead of falling back to the defaults', async (t) => {
  const files = { [DEFAULT_YAML_PATH]: BEFORE };
  const current = loadConfig({ path: null, env: {}, readFile: fakeFiles(files) });
  t.throws(() => reloadConfig(current, { path: null, env: {}, readFile: fakeFiles({}) }), {
    code: 'CONFIG_UNREADABLE',
    message: /hailo-tcn-sidecar\.yaml is gone, so the configuration in force stays/,
  });
});
