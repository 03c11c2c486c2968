import t from 'tap';
import { toJournalLines, toPrettyLine } from '../../src/observe/lines.ts';

t.test('a journal line carries its priority, its message and its fields', async (t) => {
  const record = {
    level: 40,
    time: '2026-01-01T00:00:00.000Z',
    msg: 'device lost',
    backend: 'cpu',
    cause: 'no chip',
    n: 3,
  };
  t.equal(toJournalLines(record), '<4>device lost backend=cpu cause="no chip" n=3\n');
});

t.test('every line of a stack keeps the priority, since journald reads it per line', async (t) => {
  const record = { level: 50, msg: 'failed', err: { message: 'boom', stack: 'Error: boom\n    at here' } };
  t.equal(toJournalLines(record), '<3>failed\n<3>Error: boom\n<3>    at here\n');
});

t.test('each level has its syslog priority', async (t) => {
  const priorities = [60, 50, 40, 30, 20].map((level) => toJournalLines({ level, msg: 'm' }).slice(0, 3));
  t.same(priorities, ['<2>', '<3>', '<4>', '<6>', '<7>']);
});

t.test('a terminal line has time, level and text; colour only when asked for', async (t) => {
  const record = { level: 30, time: '2026-01-01T12:34:56.789Z', msg: 'hello', none: null };
  t.equal(toPrettyLine(record, false), '12:34:56.789 INFO  hello\n');
  t.equal(toPrettyLine(record, true), '12:34:56.789 \u001b[32mINFO \u001b[0m hello\n');
});

t.test('a value cannot forge a second line or field', async (t) => {
  t.equal(toJournalLines({ level: 30, msg: 'm', path: 'a\nb c=1' }), '<6>m path="a\\nb c=1"\n');
});
