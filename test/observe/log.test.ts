import t from 'tap';
import { chooseFormat, createLog, type LogOptions } from '../../src/observe/log.ts';

const options: LogOptions = { level: 'info', format: 'auto', env: {}, isTerminal: false };

t.test('auto picks the reader: terminal, journal, else JSON; a named format wins', async (t) => {
  t.same(
    [
      chooseFormat({ ...options, isTerminal: true }),
      chooseFormat({ ...options, env: { JOURNAL_STREAM: '8:1' } }),
      chooseFormat(options),
      chooseFormat({ ...options, format: 'journal', isTerminal: true }),
    ],
    ['pretty', 'journal', 'json', 'journal'],
  );
});

t.test('levels filter, and can be changed while running', async (t) => {
  const lines: string[] = [];
  const log = createLog({ ...options, format: 'journal', sink: { write: (text) => lines.push(text) } });
  log.debug({}, 'hidden');
  log.warn({ a: 1 }, 'shown');
  log.setLevel('debug');
  log.debug({}, 'now shown');
  log.error({ err: new Error('boom') }, 'failed');
  log.info({}, 'last');
  await log.close();
  t.same(lines.slice(0, 2), ['<4>shown a=1\n', '<7>now shown\n']);
  t.match(lines[2], /^<3>failed\n<3>Error: boom\n<3> {4}at /);
});

t.test('JSON lines keep time, level and fields for machines', async (t) => {
  const lines: string[] = [];
  createLog({ ...options, sink: { write: (text) => lines.push(text) } }).info({ port: 9000 }, 'serving');
  t.match(JSON.parse(lines[0] ?? ''), { level: 30, msg: 'serving', port: 9000, time: /^\d{4}-/ });
});

t.test('a terminal line is coloured unless NO_COLOR is set', async (t) => {
  const lines: string[] = [];
  const sink = { write: (text: string) => lines.push(text) };
  createLog({ ...options, isTerminal: true, sink }).info({}, 'x');
  createLog({ ...options, isTerminal: true, env: { NO_COLOR: '1' }, sink }).info({}, 'x');
  t.same(
    lines.map((line) => line.includes('\u001b[')),
    [true, false],
  );
});

t.test('closing closes the sink', async (t) => {
  let isClosed = false;
  const close = async () => {
    isClosed = true;
  };
  await createLog({ ...options, sink: { write: () => true, close } }).close();
  t.equal(isClosed, true);
});

t.test('under systemd an entry carries its fields; what journald does not take goes to stdout', async (t) => {
  const lines: string[] = [];
  const entries: (readonly (readonly [string, string])[])[] = [];
  let isUp = true;
  const log = createLog({
    ...options,
    format: 'journal',
    sink: { write: (text) => lines.push(text) },
    journal: (fields) => isUp && entries.push(fields) > 0,
  });
  log.warn({ message_id: 'abc', request_id: 'r1', 'retry-in': 3, none: null }, 'lost');
  isUp = false;
  log.info({ backend: 'cpu' }, 'back');
  t.same(
    entries.map((fields) => Object.fromEntries(fields)),
    [
      {
        MESSAGE: 'lost request_id=r1 retry-in=3',
        PRIORITY: '4',
        SYSLOG_IDENTIFIER: 'hailo-tcn-sidecar',
        MESSAGE_ID: 'abc',
        REQUEST_ID: 'r1',
        RETRY_IN: '3',
      },
    ],
  );
  t.same(lines, ['<6>back backend=cpu\n']);
});
