import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readDocument } from '../../src/config/document.ts';
import { DEFAULT_JSON_PATH, DEFAULT_YAML_PATH } from '../../src/config/files.ts';
import { DEFAULTS, toSettings } from '../../src/config/keys.ts';
import { assemble, type ConfigSource, loadConfig } from '../../src/config/load.ts';
import { toRenderedJson } from '../../src/config/rendered.ts';
import { fakeFiles } from './fake-files.ts';

const NO_ENV = { values: new Map(), names: new Map(), problems: [] };

/** The JSON that `config render` makes of a YAML. */
function rendered(yaml: string, yamlPath: string | null = DEFAULT_YAML_PATH): string {
  const { positions } = readDocument('/f.yaml', Buffer.from(yaml));
  const { config } = assemble(readDocument('/f.yaml', Buffer.from(yaml)), NO_ENV);
  return toRenderedJson({ settings: toSettings(config), positions, yamlPath, yamlText: yaml, program: 'p 1' });
}

function load(files: Record<string, string>, more: Partial<ConfigSource> = {}) {
  return loadConfig({ path: null, env: {}, cwd: '/work', readFile: fakeFiles(files), ...more });
}

t.test('without any file the built-in defaults are in force and say so', async (t) => {
  const loaded = load({});
  t.same(toSettings(loaded.config), DEFAULTS);
  t.equal(loaded.path, null);
  t.equal(loaded.yamlPath, null);
  t.same(new Set(Object.values(loaded.origins)), new Set(['default']));
  t.match(loaded.version16, /^[0-9a-f]{16}$/);
  t.same(loaded.warnings, []);
});

t.test('the rendered JSON is preferred to the YAML, the YAML to nothing', async (t) => {
  const yaml = 'server:\n  port: 9001\n';
  const both = { [DEFAULT_JSON_PATH]: rendered('server:\n  port: 9002\n', null), [DEFAULT_YAML_PATH]: yaml };
  t.equal(load(both).config.server.port, 9002);
  t.equal(load(both).path, DEFAULT_JSON_PATH);
  t.equal(load({ [DEFAULT_YAML_PATH]: yaml }).config.server.port, 9001);
  t.equal(load(both, { path: DEFAULT_YAML_PATH }).config.server.port, 9001, 'an explicit file wins over both');
});

t.test('every value tells where it came from', async (t) => {
  const yaml = '# first\nserver:\n  host: ::1\n  port: 9001\n';
  const direct = load({ '/c.yaml': yaml }, { path: '/c.yaml', env: { SIDECAR_PORT: '9005' } });
  t.equal(direct.origins['server.host'], 'yaml:/c.yaml:3');
  t.equal(direct.origins['server.port'], 'env SIDECAR_PORT');
  t.equal(direct.origins['server.docs'], 'default');
  t.equal(direct.yamlPath, '/c.yaml');
  const json = load({ '/c.json': rendered(yaml, '/c.yaml') }, { path: '/c.json' });
  t.equal(json.origins['server.host'], 'yaml:/c.yaml:3', 'through a rendered JSON too');
  t.equal(json.origins['server.docs'], 'default');
  t.equal(json.yamlPath, '/c.yaml');
  t.equal(json.path, '/c.json');
});

t.test('a JSON written by hand is read like a YAML', async (t) => {
  const loaded = load({ '/c.json': '{"server":{"port":9001,"docs":true}}' }, { path: '/c.json' });
  t.equal(loaded.config.server.port, 9001);
  t.equal(loaded.origins['server.port'], 'json:/c.json');
  t.equal(loaded.origins['server.docs'], 'default');
  t.equal(loaded.yamlPath, null);
  t.same(loaded.warnings, []);
});

t.test('a rendered JSON that was edited by hand is checked again and says so', async (t) => {
  const edited = rendered('server: {port: 9001}', '/c.yaml').replace('"port": 9001', '"port": 9002');
  const loaded = load({ '/c.json': edited }, { path: '/c.json' });
  t.equal(loaded.config.server.port, 9002);
  t.equal(loaded.origins['server.port'], 'json:/c.json');
  t.match(loaded.warnings, [/^\/c\.json: not as it was rendered/]);
  t.throws(
    () => load({ '/c.json': edited.replace('"docs"', '"dogs"') }, { path: '/c.json' }),
    /\/c\.json:\d+:5: unknown key server\.dogs\. Did you mean server\.docs\?/,
  );
});

t.test('a damaged note in a JSON costs the origins, not the configuration', async (t) => {
  const loaded = load({ '/c.json': '{"$rendered": 5, "server": {"port": 9001}}' }, { path: '/c.json' });
  t.equal(loaded.config.server.port, 9001);
  t.match(loaded.warnings, [/\$rendered is damaged/]);
});

t.test('the note is no key of a YAML', async (t) => {
  t.throws(() => load({ '/c.yaml': '$rendered: {}\n' }, { path: '/c.yaml' }), /unknown key \$rendered/);
});

t.test('JSON is strict: errors have their line, duplicates are refused', async (t) => {
  const CASES: readonly [string, RegExp][] = [
    ['{"server": {\n  "port": 1,\n}}', /^The configuration is not valid: \/c\.json:3:1: not valid JSON: /],
    ['', /\/c\.json:1:1: not valid JSON: Unexpected end of JSON input/],
    ['server: {}', /\/c\.json:1:1: not valid JSON: Unexpected token 's'\. Run/],
    ['{\n "server": {},\n "model": oops,\n "admin": {}}', /\/c\.json:3:11: not valid JSON: Unexpected token 'o'\. Run/],
    ['{"server": {"host": "x', /\/c\.json:1:23: not valid JSON: Unterminated string\. Run/],
    ['{"server": {"port": 1,\n "port": 2}}', /\/c\.json:2:2: server\.port is set twice, first on line 1/],
    ['[]', /\/c\.json:1:1: the configuration is a list/],
    ['{"server": {"port": "9000"}}', /\/c\.json:1:21: server\.port is "9000", but must be/],
  ];
  for (const [text, sentence] of CASES) {
    t.throws(() => load({ '/c.json': text }, { path: '/c.json' }), { code: 'CONFIG_INVALID', message: sentence });
  }
});

t.test('a rendered JSON whose YAML has moved on says so, and stays in force', async (t) => {
  const files = { '/c.json': rendered('server: {port: 9001}', '/c.yaml') };
  const warningsWith = (yaml: string) => load({ ...files, '/c.yaml': yaml }, { path: '/c.json' }).warnings;
  t.same(warningsWith('server: {port: 9001} # only a comment'), []);
  t.match(warningsWith('server: {port: 9002}'), [/has changed since .* Run: hailo-tcn-sidecar config render --in/]);
  t.match(warningsWith('server: {prt: 9002}'), [/has changed and has errors; \/c\.json is still in force/]);
  t.same(load(files, { path: '/c.json' }).warnings, [], 'a YAML that is not there is nobody’s business');
});

t.test('a file that cannot be read ends with its name and the remedy', async (t) => {
  t.throws(() => load({}, { path: '/none.yaml' }), {
    code: 'CONFIG_UNREADABLE',
    message: /\/none\.yaml cannot be read: there is no such file\. Name an existing one with --config/,
  });
  const denied = Object.assign(new Error('x'), { code: 'EACCES' });
  const readFile = () => {
    throw denied;
  };
  t.throws(() => load({}, { readFile }), { code: 'CONFIG_UNREADABLE', message: /permission denied\. Let the user/ });
  t.throws(() => loadConfig({ path: t.testdir(), env: {} }), {
    code: 'CONFIG_UNREADABLE',
    message: /it is a directory/,
  });
});

t.test('real files are read, and reading ends even where a file does not', async (t) => {
  const directory = t.testdir({ 'c.yaml': 'server: {port: 9001}\n' });
  t.equal(loadConfig({ path: join(directory, 'c.yaml'), env: {} }).config.server.port, 9001);
  t.throws(() => loadConfig({ path: '/dev/zero', env: {} }), /larger than 1 MiB/);
  mkdirSync(join(directory, 'd'));
  writeFileSync(join(directory, 'd', 'big.yaml'), 'x'.repeat(70_000));
  t.throws(() => loadConfig({ path: join(directory, 'd', 'big.yaml'), env: {} }), /64 KiB/);
});

t.test('contradictions between keys are told at the line of the key', async (t) => {
  const yaml = 'backend:\n  hailo:\n    temperature_warning_celsius: 90\n';
  t.throws(() => load({ '/c.yaml': yaml }, { path: '/c.yaml' }), {
    message:
      /\/c\.yaml:3:34: .*_warning_celsius is 90, but must not be above temperature_critical_celsius, which is 85/,
  });
  const tls = 'security:\n  tls_key: /k.pem\n';
  t.throws(() => load({ '/c.yaml': tls }, { path: '/c.yaml' }), /c\.yaml:2:12: security\.tls_key is set without/);
  const other = 'security:\n  tls_certificate: /c.pem\n';
  t.throws(() => load({ '/c.yaml': other }, { path: '/c.yaml' }), /tls_certificate is set without security\.tls_key/);
});

t.test('nobody opens the daemon to a network by accident', async (t) => {
  const open =
    (yaml: string, env = {}) =>
    () =>
      load({ '/c.yaml': yaml }, { path: '/c.yaml', env });
  const ways = /server\.host is 0\.0\.0\.0.*127\.0\.0\.1.*security\.token_credential.*security\.insecure: true/;
  const yaml = 'server:\n  host: 0.0.0.0\n';
  t.throws(open(yaml), { code: 'CONFIG_INVALID', message: ways });
  t.throws(open(yaml), { message: /\/c\.yaml:2:9: server\.host is/ });
  t.throws(open('', { SIDECAR_HOST: '0.0.0.0' }), { message: /environment variable SIDECAR_HOST: server\.host is/ });
  for (const host of ['10.0.0.7', '::', 'pi.local', '128.0.0.1', '127.0.0.1.example', 'localhost.example'])
    t.throws(open(`server: {host: "${host}"}`), { code: 'CONFIG_INVALID' }, host);
  t.throws(open(`${yaml}security: {tls_certificate: /c, tls_key: /k}`), { code: 'CONFIG_INVALID' }, 'TLS asks nobody');
  t.doesNotThrow(open(`${yaml}security: {token_credential: api-token}`));
  t.doesNotThrow(open(`${yaml}security: {insecure: true}`));
  for (const host of ['127.0.0.1', '127.8.0.1', '::1', 'localhost'])
    t.same(open(`server: {host: "${host}"}`)().warnings, [], host);
});

t.test('the socket of the clients is not the one of the commands', async (t) => {
  const yaml = 'admin: {socket: /run/a.sock}\nserver:\n  unix_socket: /run/a.sock\n';
  t.throws(() => load({ '/c.yaml': yaml }, { path: '/c.yaml' }), /3:16: server\.unix_socket .* admin\.socket/);
});

t.test('an allowed but risky setting is a warning', async (t) => {
  const warningsOf = (yaml: string) => load({ '/c.yaml': yaml }, { path: '/c.yaml' }).warnings;
  const open = (security: string) => warningsOf(`server: {host: 0.0.0.0}\nsecurity: {${security}}`);
  const tls = 'tls_certificate: /c, tls_key: /k';
  t.match(open('insecure: true'), [/^server\.host is 0\.0\.0\.0: everybody who can reach.*without a token and unencr/]);
  t.match(open(`insecure: true, ${tls}`), [/everybody who can reach.*without a token\. Use/]);
  t.match(open('token_credential: api-token'), [/the token travels in clear text/]);
  t.same(open(`token_credential: api-token, ${tls}`), []);
  t.match(warningsOf('backend: {kind: stub}'), [/all answers are invented/]);
  t.match(warningsOf('inference: {deadline_ms: 45}'), [/EdgeInfer gives up after 45 ms/]);
});

t.test('the version follows the values and nothing else', async (t) => {
  const versionOf = (yaml: string, env = {}) => load({ '/c.yaml': yaml }, { path: '/c.yaml', env }).version16;
  const bare = versionOf('');
  t.equal(versionOf('# comment\nserver: {port: 9000}'), bare, 'a default written down changes nothing');
  t.equal(versionOf('logging: {level: info}\nserver: {port: 9000}'), bare, 'neither does the order');
  t.not(versionOf('server: {port: 9001}'), bare);
  t.equal(versionOf('', { SIDECAR_PORT: '9001' }), versionOf('server: {port: 9001}'), 'the environment counts');
});

t.test('errors of file and environment are told together', async (t) => {
  const env = { SIDECAR_PORT: 'x', LOG_LEVEL: 'loud' };
  t.throws(() => load({ '/c.yaml': 'server: {prt: 1}\n' }, { path: '/c.yaml', env }), {
    message:
      /^The configuration has 3 errors:\n {2}\/c\.yaml:1:10: .*\n {2}environment variable SIDECAR_PORT: server\.port is "x".*\n {2}environment variable LOG_LEVEL: /,
  });
});

t.test('a file of nothing but mistakes is cut to a readable number', async (t) => {
  const yaml = Array.from({ length: 40 }, (_, index) => `k${index}: 1\n`).join('');
  t.throws(() => load({ '/c.yaml': yaml }, { path: '/c.yaml' }), /has 40 errors:\n(.*\n){25} {2}… and 15 more\.$/);
});
