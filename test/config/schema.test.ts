import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { ENVIRONMENT } from '../../src/config/environment.ts';
import {
  CONFIG_KEYS,
  DEFAULTS,
  isSameSetting,
  KEY_BY_NAME,
  RELOADABLE_KEYS,
  toConfig,
  toSettings,
} from '../../src/config/keys.ts';
import { parseYaml } from '../../src/config/render.ts';
import { checkSetting, describeRule } from '../../src/config/rules.ts';
import { readSettings } from '../../src/config/settings.ts';

const EXAMPLE = new URL('../../../shared/config.example.yaml', import.meta.url);
const skip = existsSync(EXAMPLE) ? false : 'needs ../shared/config.example.yaml';

/** What the program needs beyond the example. */
const ADDITIONS = new Set([
  'server.unix_socket_mode',
  'server.drain_delay_ms',
  'model.store',
  'inference.max_deadline_ms',
  'inference.max_batch_windows',
  'security.insecure',
]);
const isAddition = (key: string) => ADDITIONS.has(key) || /^(rollout|rate_limit|streams)\./.test(key);

t.test('the schema has the keys of the example, in its order, with its defaults', { skip }, async (t) => {
  const { values, problems } = readSettings(parseYaml(readFileSync(EXAMPLE, 'utf8'), 'example'), 'example');
  t.same(problems, []);
  t.same(
    [...values],
    [...DEFAULTS].filter(([key]) => !isAddition(key)),
  );
});

t.test('what the example marks (R) is reloadable, and nothing else is', { skip }, async (t) => {
  const marked = readFileSync(EXAMPLE, 'utf8')
    .split('\n')
    .flatMap((line) => /^\s+([a-z_]+):.*#.*\(R\)/.exec(line)?.[1] ?? []);
  t.same(
    RELOADABLE_KEYS.filter((key) => !isAddition(key)).map((key) => key.split('.').at(-1)),
    marked,
  );
});

t.test('every key has a default that its own rule accepts, and a description', async (t) => {
  for (const entry of CONFIG_KEYS) {
    t.equal(checkSetting(entry, entry.default), null, entry.key);
    t.match(entry.description, /^.{10,}\.$/, `${entry.key} is documented by a sentence`);
    t.notMatch(describeRule(entry.schema), /undefined/, `${entry.key} has a rule that can be told`);
  }
});

t.test('the tables name only keys that exist', async (t) => {
  const named = [...RELOADABLE_KEYS, ...ENVIRONMENT.map(({ key }) => key)];
  t.same(
    named.filter((key) => !KEY_BY_NAME.has(key)),
    [],
  );
});

t.test('settings and configuration are two views of the same', async (t) => {
  const config = toConfig(new Map());
  t.same(toSettings(config), DEFAULTS);
  t.equal(config.backend.hailo.temperature_critical_celsius, 85);
  config.server.cors_origins.push('https://changed.example');
  t.same(DEFAULTS.get('server.cors_origins'), ['*'], 'changing a configuration never changes the defaults');
});

t.test('a value that nobody checked does not become a configuration', async (t) => {
  t.throws(() => toConfig(new Map([['server.port', 'x']])), { code: 'INTERNAL' });
});

t.test('lists are the same when their items are', async (t) => {
  t.ok(isSameSetting(['a'], ['a']));
  t.notOk(isSameSetting(['a'], ['b']));
});

const ACCEPTED: readonly [string, unknown][] = [
  ['server.host', '::1'],
  ['server.host', 'localhost'],
  ['server.port', 0],
  ['server.cors_origins', []],
  ['server.cors_origins', ['https://a.example:8443', 'capacitor://localhost']],
  ['server.unix_socket', '/run/x.sock'],
  ['model.bundle', 'tcn-vae@1.0'],
  ['model.bundle', '/srv/models/mine'],
  ['model.num_motifs', 12],
  ['backend.hailo.device_id', 0],
  ['backend.hailo.device_id', '0'],
  ['backend.hailo.device_id', 'hailo1'],
  ['backend.hailo.device_id', '0000:01:00.0'],
  ['backend.hailo.device_id', '01:00.0'],
  ['backend.hailo.temperature_warning_celsius', 69.5],
  ['backend.keep_alive_s', 0],
  ['resource_limits.memory_max', '1G'],
  ['resource_limits.memory_max', '536870912'],
  ['resource_limits.memory_max', 'infinity'],
];
const REFUSED: readonly [string, unknown, RegExp][] = [
  ['server.host', 'not a host', /"not a host", but must be an IP address or a host name\./],
  ['server.port', 65536, /is 65536, but must be a whole number from 0 to 65535\./],
  ['server.port', 90.5, /90\.5/],
  ['server.port', Number.NaN, /NaN/],
  ['server.port', Number.POSITIVE_INFINITY, /Infinity/],
  ['server.port', null, /is null/],
  ['server.docs', 'on', /must be true or false\. Write true\./],
  ['server.docs', 'constructor', /must be true or false\.$/],
  ['server.docs', 'off', /Write false\./],
  ['server.cors_origins', '*', /must be a list of at most 64 items, each "\*" or an origin/],
  ['server.cors_origins', ['example.org'], /\["example\.org"\]/],
  ['server.cors_origins', ['a', 'b', 'c', 'd', 'e'], /a list of 5 items/],
  ['server.unix_socket', 'run/x.sock', /must be an absolute path of at most 107 characters or null\./],
  ['server.unix_socket', `/${'x'.repeat(107)}`, /…", but must be/],
  ['model.bundle', 'models/default', /an absolute path of a bundle directory, or NAME@VERSION/],
  ['model.bundle', 'Upper@1', /NAME@VERSION/],
  ['model.num_motifs', 0, /a whole number from 1 to 4096 or null/],
  ['backend.kind', 'halo', /one of auto, hailo, cpu, stub\. Did you mean "hailo"\?/],
  ['backend.hailo.device_id', 'npu0', /N, hailoN or a PCIe address/],
  ['backend.hailo.temperature_warning_celsius', '70', /a number from -40 to 150/],
  ['logging.level', 'WARNING', /Write warn\./],
  ['logging.level', 'INFO', /Write info\./],
  ['resource_limits.memory_max', '512 MB', /a size such as 512M/],
  ['resource_limits.memory_max', '0', /a size such as 512M/],
  ['resource_limits.tasks_max', { a: 1 }, /a group of keys/],
];

t.test('limits: what is accepted', async (t) => {
  for (const [key, value] of ACCEPTED) t.equal(checkSetting(KEY_BY_NAME.get(key)!, value), null, `${key} ${value}`);
});

t.test('limits: a refusal names key, value and rule', async (t) => {
  for (const [key, value, sentence] of REFUSED) {
    const message = checkSetting(KEY_BY_NAME.get(key)!, value);
    t.match(message, sentence, `${key} ${JSON.stringify(value)}`);
    t.ok(message?.startsWith(`${key} is `));
  }
});
