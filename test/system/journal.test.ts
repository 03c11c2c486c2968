import { fstatSync, openSync } from 'node:fs';
import t from 'tap';
import { encodeEntry, isJournal, openJournal } from '../../src/system/journal.ts';

t.test('a field is name=value; one with line ends carries its length', async (t) => {
  const entry = encodeEntry([
    ['MESSAGE', 'two\nlines'],
    ['PRIORITY', '6'],
    ['', 'a field without a name is left out'],
  ]);
  t.equal(entry.toString('latin1'), 'MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\nPRIORITY=6\n');
});

t.test('a value that no datagram could carry is cut', async (t) => {
  t.equal(encodeEntry([['MESSAGE', 'x'.repeat(1 << 20)]]).length, 'MESSAGE='.length + (64 << 10) + 1);
});

t.test('where there is no journald, or something else, there is no journal', async (t) => {
  t.equal(await openJournal('/nowhere/socket'), null);
  t.equal(await openJournal(t.testdirName), null, 'a directory is no socket');
});

t.test('a variable that was inherited makes no journal of a file', async (t) => {
  const descriptor = openSync('/dev/null', 'w');
  const { dev, ino } = fstatSync(descriptor);
  t.equal(isJournal(descriptor, { JOURNAL_STREAM: `${dev}:${ino}` }), true);
  t.equal(isJournal(descriptor, { JOURNAL_STREAM: '8:12345' }), false);
  t.equal(isJournal(descriptor, {}), false);
});
