import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import t from 'tap';
import { quoteWord, toCommandLine, toPlain } from '../../src/cli/deploy-quote.ts';

t.test('a real shell reads every word back as it was', async () => {
  const nasty = fc.constantFrom(
    "'",
    '"',
    '\\',
    '$',
    '`',
    '\n',
    ' ',
    '*',
    '~',
    '!',
    '-',
    ';',
    '&',
    '#',
    '=',
    'é',
    '\t',
    '(',
  );
  const word = fc.oneof(
    fc.string({ unit: nasty, maxLength: 12 }),
    fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => !text.includes('\0')),
  );
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), (words) => {
      const commandLine = toCommandLine(['printf', '%s\\0', ...words]);
      const { stdout } = spawnSync('/bin/sh', ['-c', commandLine], { encoding: 'utf8', env: {} });
      return stdout === words.map((each) => `${each}\0`).join('');
    }),
    { numRuns: 150 },
  );
});

t.test('a zero byte, which no shell can carry, is refused', async (t) => {
  t.throws(() => quoteWord('a\0b'), { code: 'USAGE' });
});

t.test('text from another machine steers no terminal and stays short', async (t) => {
  t.equal(toPlain('\u001b[2Ja\r\nb\u202ec\u0000 '), '[2Ja b c');
  t.equal(toPlain('x'.repeat(1000)).length, 400);
});
