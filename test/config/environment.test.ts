import t from 'tap';
import { ENVIRONMENT, readEnvironment } from '../../src/config/environment.ts';

const read = (env: Record<string, string | undefined>) => readEnvironment(env, '/srv/dir');
const valuesOf = (env: Record<string, string | undefined>) => Object.fromEntries(read(env).values);

t.test('the variables of the contract are all there', async (t) => {
  const names = ENVIRONMENT.flatMap((override) => override.names).toSorted();
  const contract =
    'MODEL_BUNDLE HEF_PATH NUM_MOTIFS SIDECAR_HOST SIDECAR_PORT LOG_LEVEL MODEL_VERSION MODEL_ACCURACY HAILO_DEVICE_ID BATCH_SIZE FASTAPI_HOST FASTAPI_PORT';
  t.same(names, contract.split(' ').toSorted());
});

const CASES: readonly [label: string, env: Record<string, string | undefined>, values: Record<string, unknown>][] = [
  ['nothing set, nothing overridden', {}, {}],
  ['set but empty counts as not set', { SIDECAR_PORT: '', LOG_LEVEL: '  ', HEF_PATH: undefined }, {}],
  ['the new spelling wins', { SIDECAR_PORT: '1', FASTAPI_PORT: '2' }, { 'server.port': 1 }],
  ['an empty new spelling leaves the old one in force', { SIDECAR_PORT: '', FASTAPI_PORT: '2' }, { 'server.port': 2 }],
  ['the old host', { FASTAPI_HOST: '0.0.0.0' }, { 'server.host': '0.0.0.0' }],
  ['blanks around a value do not count', { SIDECAR_PORT: ' 9000\n' }, { 'server.port': 9000 }],
  [
    'numbers are numbers',
    { NUM_MOTIFS: '12', BATCH_SIZE: '4' },
    { 'model.num_motifs': 12, 'backend.hailo.batch_size': 4 },
  ],
  [
    'expectations are text',
    { MODEL_VERSION: '1.10', MODEL_ACCURACY: '0.720' },
    { 'model.expect_version': '1.10', 'model.expect_accuracy': '0.720' },
  ],
  ['a device by number', { HAILO_DEVICE_ID: '0' }, { 'backend.hailo.device_id': '0' }],
  ['a device by address', { HAILO_DEVICE_ID: '0000:01:00.0' }, { 'backend.hailo.device_id': '0000:01:00.0' }],
  ['levels in any case', { LOG_LEVEL: 'DEBUG' }, { 'logging.level': 'debug' }],
  ['levels as Python spells them', { LOG_LEVEL: 'Warning' }, { 'logging.level': 'warn' }],
  ['more levels of Python', { LOG_LEVEL: 'CRITICAL' }, { 'logging.level': 'error' }],
  ['a bundle of the store', { MODEL_BUNDLE: 'tcn@1.0' }, { 'model.bundle': 'tcn@1.0' }],
  ['an absolute bundle', { MODEL_BUNDLE: '/srv/m@1' }, { 'model.bundle': '/srv/m@1' }],
  ['a relative bundle', { MODEL_BUNDLE: './m' }, { 'model.bundle': '/srv/dir/m' }],
  ['a bare directory', { MODEL_BUNDLE: 'm' }, { 'model.bundle': '/srv/dir/m' }],
  ['a relative .hef', { HEF_PATH: '../a.hef' }, { 'model.hef_path': '/srv/a.hef' }],
];
for (const [label, env, values] of CASES) {
  t.test(label, async (t) => {
    t.same(read(env).problems, []);
    t.same(valuesOf(env), values);
  });
}

const BAD: readonly [Record<string, string>, string][] = [
  [{ SIDECAR_PORT: '9000x' }, 'server.port is "9000x", but must be a whole number from 0 to 65535.'],
  [{ FASTAPI_PORT: '1e3' }, 'server.port is "1e3", but must be a whole number from 0 to 65535.'],
  [{ SIDECAR_PORT: '-1' }, 'server.port is -1, but must be a whole number from 0 to 65535.'],
  [{ LOG_LEVEL: 'inof' }, 'logging.level is "inof", but must be one of debug, info, warn, error. Did you mean "info"?'],
  [{ LOG_LEVEL: 'constructor' }, 'logging.level is "constructor", but must be one of debug, info, warn, error.'],
  [{ NUM_MOTIFS: 'twelve' }, 'model.num_motifs is "twelve", but must be a whole number from 1 to 4096 or null.'],
];
t.test('a bad variable is named with the rule and the value, and overrides nothing', async (t) => {
  for (const [env, message] of BAD) {
    const { problems, values } = read(env);
    t.match(problems, [{ source: `environment variable ${Object.keys(env)[0]}`, at: null, message }]);
    t.equal(values.size, 0);
  }
});
