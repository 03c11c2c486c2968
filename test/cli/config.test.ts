import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { configCommand } from '../../src/cli/config.ts';
import { createIo } from '../../src/cli/io.ts';
import { DEFAULT_JSON_PATH, DEFAULT_YAML_PATH } from '../../src/config/files.ts';

const hasInstalledFile = existsSync(DEFAULT_YAML_PATH) || existsSync(DEFAULT_JSON_PATH);
const skip = hasInstalledFile ? 'this machine has an installed configuration' : false;

/** Runs the command on captured streams. */
async function run(argv: readonly string[], env: Record<string, string> = {}) {
  const text = { out: '', err: '' };
  const stream = (name: 'out' | 'err') => ({
    write: (piece: string) => {
      text[name] += piece;
    },
  });
  const io = createIo(stream('out'), stream('err'), {});
  const status = await configCommand(argv, io, env, 'hailo-tcn-sidecar 9.9.9');
  return { status, ...text };
}

const BAD = 'server:\n  prot: 1\n  port: 70000\nlogging:\n  requests: yes\n';

t.test('check says ok, or every error with line and column and status 78', async (t) => {
  const directory = t.testdir({ 'good.yaml': 'server: {port: 9001}\n', 'bad.yaml': BAD });
  const good = join(directory, 'good.yaml');
  const bad = join(directory, 'bad.yaml');
  t.same(await run(['check', good]), { status: 0, out: `${good}: ok\n`, err: '' });
  t.same(await run(['check', bad]), {
    status: 78,
    out: '',
    err: [
      `${bad}:2:3: unknown key server.prot. Did you mean server.port?\n`,
      `${bad}:3:9: server.port is 70000, but must be a whole number from 0 to 65535.\n`,
      `${bad}:5:13: logging.requests is "yes", but must be true or false. Write true.\n`,
    ].join(''),
  });
});

t.test('check looks at the file alone, not at the environment', async (t) => {
  const path = join(t.testdir({ 'c.yaml': '' }), 'c.yaml');
  t.equal((await run(['check', path], { SIDECAR_PORT: 'x' })).status, 0);
});

t.test('check --json is one object for scripts', async (t) => {
  const directory = t.testdir({
    'warn.yaml': 'server: {host: 0.0.0.0}\nsecurity: {insecure: true}\n',
    'bad.yaml': BAD,
  });
  const good = await run(['check', join(directory, 'warn.yaml'), '--json']);
  t.match(JSON.parse(good.out), { ok: true, errors: [], warnings: [/^server\.host is 0\.0\.0\.0/] });
  t.equal(good.err, '');
  const bad = await run(['check', '--json', join(directory, 'bad.yaml')]);
  t.equal(bad.status, 78);
  t.match(JSON.parse(bad.out), {
    ok: false,
    errors: [{ at: { line: 2, column: 3 }, key: null }, { key: 'server.port' }, { key: 'logging.requests' }],
  });
});

t.test('warnings go to stderr and do not fail the check', async (t) => {
  const path = join(t.testdir({ 'c.yaml': 'inference: {deadline_ms: 45}\n' }), 'c.yaml');
  const { status, err } = await run(['check', path]);
  t.equal(status, 0);
  t.match(err, /^warning: .*EdgeInfer gives up after 45 ms/);
});

t.test('render prints the JSON, and --out writes the same bytes each time', async (t) => {
  const directory = t.testdir({ 'c.yaml': 'server:\n  port: 9001\n' });
  const yaml = join(directory, 'c.yaml');
  const json = join(directory, 'c.json');
  const printed = await run(['render', '--in', yaml]);
  t.match(JSON.parse(printed.out), {
    $rendered: { yaml, program: 'hailo-tcn-sidecar 9.9.9', from_yaml: { 'server.port': 2 } },
    server: { host: '127.0.0.1', port: 9001 },
    resource_limits: { tasks_max: 64 },
  });
  t.same(await run(['render', '--in', yaml, '--out', json]), { status: 0, out: '', err: '' });
  t.equal(readFileSync(json, 'utf8'), printed.out);
  t.equal((await run(['render', '--in', yaml, '--out', '-'])).out, printed.out);
  t.same(await run(['check', json]), { status: 0, out: `${json}: ok\n`, err: '' });
});

t.test('render of a bad file leaves the old JSON alone', async (t) => {
  const directory = t.testdir({ 'bad.yaml': BAD, 'c.json': 'old' });
  const json = join(directory, 'c.json');
  const { status, out, err } = await run(['render', '--in', join(directory, 'bad.yaml'), '--out', json]);
  t.equal(status, 78);
  t.equal(out, '');
  t.match(err, /^error: The configuration has 3 errors:\n {2}.*bad\.yaml:2:3: /);
  t.equal(readFileSync(json, 'utf8'), 'old');
});

t.test('render takes YAML and writes where it may', async (t) => {
  const directory = t.testdir({ 'c.json': '{}', 'c.yaml': '' });
  t.match(await run(['render', '--in', join(directory, 'c.json')]), { status: 64, err: /is JSON already/ });
  const out = join(directory, 'none', 'c.json');
  t.match(await run(['render', '--in', join(directory, 'c.yaml'), '--out', out]), {
    status: 69,
    err: /cannot be written: .* Create its directory first/,
  });
});

t.test('render ignores the environment: it renders a file', async (t) => {
  const path = join(t.testdir({ 'c.yaml': '' }), 'c.yaml');
  const { out } = await run(['render', '--in', path], { SIDECAR_PORT: '9005' });
  t.equal(JSON.parse(out).server.port, 9000);
});

t.test('"-" is standard input, in a process of its own', async (t) => {
  const script = `import { configCommand } from ${JSON.stringify(new URL('../../src/cli/config.ts', import.meta.url).href)};
    import { createIo } from ${JSON.stringify(new URL('../../src/cli/io.ts', import.meta.url).href)};
    process.exitCode = await configCommand(process.argv.slice(1), createIo(process.stdout, process.stderr, {}), {});`;
  const pipe = (argv: string[], input: string) =>
    spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script, '--', ...argv], {
      input,
      encoding: 'utf8',
    });
  const rendered = pipe(['render', '--in', '-'], 'server: {port: 9001}\n');
  t.match(JSON.parse(rendered.stdout), { $rendered: { yaml: null, program: null }, server: { port: 9001 } });
  const checked = pipe(['check', '-'], 'server: {prot: 1}\n');
  t.equal(checked.status, 78);
  t.match(checked.stderr, /^standard input:1:10: unknown key server\.prot/);
  t.match(pipe(['check', '-'], '#'.repeat(3_000_000)).stderr, /^standard input:1:1: the file is larger than 1 MiB/);
});

t.test('show is an aligned table of what is in force and where it comes from', async (t) => {
  const path = join(t.testdir({ 'c.yaml': 'server:\n  port: 9001\n' }), 'c.yaml');
  const { status, out } = await run(['show', '--config', path], { LOG_LEVEL: 'WARNING' });
  t.equal(status, 0);
  const lines = out.split('\n');
  t.equal(lines[0], `file: ${path}`);
  t.match(lines[1], /^version: [0-9a-f]{16}$/);
  const head = lines.find((line) => line.startsWith('KEY'))!;
  const rowOf = (key: string) => lines.find((line) => line.startsWith(`${key} `))!;
  for (const [key, value, origin] of [
    ['server.port', '9001', `yaml:${path}:2`],
    ['logging.level', '"warn"', 'env LOG_LEVEL'],
    ['server.docs', 'true', 'default'],
  ] as const) {
    t.equal(rowOf(key).slice(head.indexOf('VALUE'), head.indexOf('ORIGIN')).trim(), value);
    t.equal(rowOf(key).slice(head.indexOf('ORIGIN')), origin);
  }
});

t.test('show --json has the same for scripts', async (t) => {
  const path = join(t.testdir({ 'c.yaml': 'server:\n  port: 9001\n' }), 'c.yaml');
  const { out } = await run(['show', '--json', '--config', path]);
  t.match(JSON.parse(out), {
    config_version: /^[0-9a-f]{16}$/,
    file: path,
    yaml: path,
    config: { server: { port: 9001 } },
    origins: { 'server.port': `yaml:${path}:2`, 'server.host': 'default' },
    warnings: [],
  });
});

t.test('without any file show says that the defaults are in force', { skip }, async (t) => {
  t.match(await run(['show']), { status: 0, out: /^file: none, the built-in defaults are in force\n/ });
});

t.test('check and render without a file name the default one when it is missing', { skip }, async (t) => {
  for (const command of ['check', 'render']) {
    t.match(await run([command]), { status: 78, err: /hailo-tcn-sidecar\.yaml cannot be read: there is no such file/ });
  }
});

t.test('systemd prints a drop-in with the limits', async (t) => {
  const path = join(t.testdir({ 'c.yaml': 'resource_limits: {memory_max: 1G, tasks_max: 99}\n' }), 'c.yaml');
  const { status, out } = await run(['systemd', '--config', path]);
  t.equal(status, 0);
  t.match(out, /\n\[Service\]\nMemoryMax=1G\nTasksMax=99\n$/);
  for (const line of out.split('\n').slice(0, 3)) t.match(line, /^# /);
});

const USAGE: readonly [argv: string[], sentence: RegExp][] = [
  [
    ['show', '--confg', 'x'],
    /^error: Unknown option --confg\. Did you mean "--config"\? See "hailo-tcn-sidecar config show --help"\.\n$/,
  ],
  [['check', '-x'], /^error: Unknown option -x\. See/],
  [['check', 'a', 'b'], /^error: config check: unexpected argument "b"\./],
  [['show', 'config'], /unexpected argument "config"\. Did you mean "--config"\?/],
  [['render', '--out'], /^error: Option '--out <value>' argument missing\. See/],
  [
    ['chekc'],
    /^error: Unknown command "config chekc"\. Did you mean "check"\? Known: render, check, show, systemd\.\n$/,
  ],
  [['toString'], /^error: Unknown command "config toString"\./],
  [[], /^Usage: hailo-tcn-sidecar config COMMAND/],
];
for (const [argv, sentence] of USAGE) {
  t.test(`usage error, status 64: config ${argv.join(' ')}`, async (t) => {
    const { status, out, err } = await run(argv);
    t.equal(status, 64);
    t.equal(out, '');
    t.match(err, sentence);
  });
}

t.test('help is on stdout wherever it is asked for, and names every command and variable', async (t) => {
  for (const argv of [['--help'], ['-h'], ['help'], ['show', '--help'], ['render', '--in', 'x', '-h']]) {
    const { status, out } = await run(argv);
    t.equal(status, 0);
    for (const word of ['render', 'check', 'show', 'systemd', 'SIDECAR_PORT', 'FASTAPI_HOST']) t.ok(out.includes(word));
    for (const line of out.split('\n')) t.ok(line.length <= 130, line);
  }
});

t.test('a file that may not be read is an error of the configuration', async (t) => {
  const directory = t.testdir({ 'c.yaml': '' });
  writeFileSync(join(directory, 'x'), '');
  t.match(await run(['check', join(directory, 'x', 'c.yaml')]), {
    status: 78,
    err: /^error: The configuration file .* cannot be read/,
  });
});

t.test('render --signal tells a process to reload, only when the file is right', async (t) => {
  const directory = t.testdir({ 'good.yaml': 'server: {port: 9001}\n', 'bad.yaml': BAD });
  const out = join(directory, 'out.json');
  const daemon = spawn('sleep', ['60']);
  t.teardown(() => daemon.kill('SIGKILL'));
  const pid = String(daemon.pid);
  const ended = once(daemon, 'exit');
  const render = (file: string, pid: string) =>
    run(['render', '--in', join(directory, file), '--out', out, '--signal', pid]);
  t.equal((await render('bad.yaml', pid)).status, 78);
  t.notOk(existsSync(out));
  t.equal((await render('good.yaml', pid)).status, 0);
  t.equal((await render('good.yaml', 'x')).status, 64);
  t.match(await render('good.yaml', '4194303'), { status: 69, err: /cannot be told.*ESRCH/ });
  t.same(await ended, [null, 'SIGHUP']);
});
