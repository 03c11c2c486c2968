import { EventEmitter } from 'node:events';
import t from 'tap';
import { createIo, fail, parseCommandLine, toTable } from '../../src/cli/io.ts';
import { SidecarError } from '../../src/core/errors.ts';

class FakeStream extends EventEmitter {
  text = '';
  isTTY = false;

  write(piece: string): void {
    this.text += piece;
  }
}

function createTerminal(isTTY: boolean, env: Record<string, string> = {}) {
  const [stdout, stderr] = [new FakeStream(), new FakeStream()];
  stdout.isTTY = isTTY;
  stderr.isTTY = isTTY;
  return { stdout, stderr, io: createIo(stdout, stderr, env) };
}

t.test('results go to stdout, everything else to stderr, a line each', async (t) => {
  const { io, stdout, stderr } = createTerminal(false);
  io.out('result');
  io.err('remark');
  t.same([stdout.text, stderr.text, io.isTerminal], ['result\n', 'remark\n', false]);
});

t.test('colours are for terminals that want them', async (t) => {
  const paint = (isTTY: boolean, env = {}) => createTerminal(isTTY, env).io.colour.red('x');
  t.equal(paint(true), '\u001b[31mx\u001b[39m');
  t.equal(paint(true, { NO_COLOR: '' }), '\u001b[31mx\u001b[39m', 'an empty NO_COLOR counts as not set');
  t.equal(paint(true, { NO_COLOR: '1' }), 'x');
  t.equal(paint(true, { TERM: 'dumb' }), 'x');
  t.equal(paint(false), 'x');
});

t.test('stdout and stderr are coloured each on its own', async (t) => {
  const [stdout, stderr] = [new FakeStream(), new FakeStream()];
  stderr.isTTY = true;
  const io = createIo(stdout, stderr, {});
  t.equal(io.colour.bold('x'), 'x');
  t.not(io.errColour.bold('x'), 'x');
});

t.test('what others have written commands no terminal', async (t) => {
  const { io, stderr } = createTerminal(true);
  const bad = [
    '\u001b]0;owned\u0007', // a title
    '\u001b[2J', // an empty screen
    '\u001b[8m', // hidden
    '\u009b2J', // the same in one sign
    'over\rwritten',
    '\u0000\u007f',
  ];
  for (const text of bad) io.err(text);
  t.equal(stderr.text, '?]0;owned?\n?[2J\n?[8m\n?2J\nover?written\n??\n');
});

t.test('line ends, tabs, colours and letters of any language come through', async (t) => {
  const { io, stderr } = createTerminal(true);
  const { bold, dim, red, green, yellow } = io.errColour;
  const text = `${bold('a')}${dim('b')}${red('c')}${green('d')}${yellow('µT ⟂ 动')}\tx\r\ny`;
  io.err(text);
  t.equal(stderr.text, `${text}\n`);
});

t.test('a reader that has gone is no error, a full disk is one', async (t) => {
  const { stdout } = createTerminal(false);
  stdout.emit('error', Object.assign(new Error('gone'), { code: 'EPIPE' }));
  t.throws(() => stdout.emit('error', Object.assign(new Error('full'), { code: 'ENOSPC' })), /full/);
});

t.test('a failure is told in its sentence and gives its exit status', async (t) => {
  const { io, stderr } = createTerminal(false);
  t.equal(fail(io, new SidecarError('MODEL_MISSING', 'There is no model.')), 66);
  t.equal(fail(io, new Error('the detail')), 70);
  t.match(
    stderr.text,
    /^error: There is no model\.\nerror: A fault in this program: the detail\nError: the detail\n +at /,
  );
});

t.test('columns are aligned and lines have no trailing blanks', async (t) => {
  t.same(
    toTable([
      ['a', 'long', 'x'],
      ['longer', 'b', ''],
    ]),
    ['a       long  x', 'longer  b'],
  );
});

t.test('options and operands come back parsed', async (t) => {
  const options = { config: { type: 'string' }, json: { type: 'boolean' } } as const;
  const { values, positionals } = parseCommandLine(['--config=a', 'file', '--json'], options, {
    command: 'c',
    operands: 1,
  });
  t.same({ ...values }, { config: 'a', json: true });
  t.same(positionals, ['file']);
});

t.test('a wrong command line is a usage error', async (t) => {
  const options = { json: { type: 'boolean' } } as const;
  const parse = (...argv: string[]) => parseCommandLine(argv, options, { command: 'c', operands: 0 });
  t.throws(() => parse('--jsn'), { code: 'USAGE', message: /Unknown option --jsn\. Did you mean "--json"\?/ });
  t.throws(() => parse('--json=1'), { code: 'USAGE', message: /Option '--json' does not take an argument\. See/ });
  t.throws(() => parse('x'), { code: 'USAGE', message: /unexpected argument "x"/ });
});
