import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readTokenCredential } from '../../src/system/credential.ts';

const TOKEN = '0123456789abcdef';

t.test('the token is the content of the file, without its line end', async (t) => {
  const directory = t.testdir({ plain: TOKEN, unix: `${TOKEN}\n`, dos: `${TOKEN}\r\n`, odd: '!"#$%&/()=?`~{[]}+-' });
  const read = (name: string) => readTokenCredential(name, { CREDENTIALS_DIRECTORY: directory });
  t.same(['plain', 'unix', 'dos', 'odd'].map(read), [TOKEN, TOKEN, TOKEN, '!"#$%&/()=?`~{[]}+-']);
});

t.test('what is no token fails, says what to do, and shows nothing of what was found', async (t) => {
  const directory = t.testdir();
  const cases: readonly [content: string, why: RegExp][] = [
    ['', /is empty.*openssl rand -hex 32/],
    ['\n', /is empty/],
    ['secret-of-15-ch', /too short.*16 to 1024/],
    [`secret-of-15-ch\n`, /too short/],
    ['secret '.repeat(4), /spaces, line ends or other/],
    [`${TOKEN}secret\n\n`, /line ends/],
    [`${TOKEN}secret\n${TOKEN}`, /line ends/],
    [`${TOKEN}secret\t`, /other characters/],
    [`${TOKEN}secret\0`, /other characters/],
    [`${TOKEN}secretü`, /other characters/],
    ['secret'.repeat(200), /too long/],
  ];
  for (const [content, why] of cases) {
    writeFileSync(join(directory, 'token'), content);
    try {
      readTokenCredential('token', { CREDENTIALS_DIRECTORY: directory });
      t.fail(JSON.stringify(content));
    } catch (error) {
      t.match(error, { code: 'CONFIG_INVALID', message: /^security\.token_credential is token, / });
      t.match((error as Error).message, why);
      t.notMatch((error as Error).message, /secret|0123/);
    }
  }
});

t.test('without a directory, or a file in it, the way to one is told', async (t) => {
  for (const env of [{}, { CREDENTIALS_DIRECTORY: '' }])
    t.throws(() => readTokenCredential('api-token', env), {
      code: 'CONFIG_INVALID',
      message: /\$CREDENTIALS_DIRECTORY is not set.*credentials\.conf.*DIR\/api-token/,
    });
  t.throws(() => readTokenCredential('api-token', { CREDENTIALS_DIRECTORY: t.testdir() }), {
    code: 'CONFIG_INVALID',
    message: /cannot be read \(ENOENT.*LoadCredential=/,
  });
});
