import fc from 'fast-check';
import t from 'tap';
import { readDocument } from '../../src/config/document.ts';
import { ConfigError, formatProblem } from '../../src/config/problems.ts';

/** Every problem of a file as the lines that a person sees. */
function problemsOf(text: string | Uint8Array, file = 'f.yaml'): string[] {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  try {
    return readDocument(file, bytes).problems.map(formatProblem);
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.problems.map(formatProblem);
    throw thrown;
  }
}

const CASES: readonly [label: string, yaml: string, lines: readonly (string | RegExp)[]][] = [
  ['an empty file is all defaults', '', []],
  ['a file of comments is all defaults', '# nothing\n\n', []],
  ['an explicit null is all defaults', '~\n', []],
  ['a group with all its keys commented out is fine', 'server:\n  # port: 1\nlogging: {}\n', []],
  ['a byte order mark is accepted', '\uFEFFserver: {port: 1}\n', []],
  ['Windows line ends are accepted', 'server:\r\n  port: 1\r\n', []],
  [
    'an unknown key names the nearest',
    'server:\n  prot: 1\n',
    ['f.yaml:2:3: unknown key server.prot. Did you mean server.port?'],
  ],
  [
    'an unknown group names the nearest',
    'sever:\n  port: 1\n',
    ['f.yaml:1:1: unknown key sever. Did you mean server?'],
  ],
  [
    'a key in the wrong group names the right one',
    'server:\n  threads: 1\n',
    ['f.yaml:2:3: unknown key server.threads. Did you mean backend.cpu.threads?'],
  ],
  [
    'a key like no other still names the nearest and the known ones',
    'monitoring:\n  zzzzzzzzz: 1\n',
    ['f.yaml:2:3: unknown key monitoring.zzzzzzzzz. The nearest known key is monitoring.metrics; known here: metrics.'],
  ],
  ['a merge key is an unknown key', 'server:\n  <<: {port: 1}\n', [/^f\.yaml:2:3: unknown key server\.<<\./]],
  [
    'names of the language are unknown keys',
    'constructor: 1\n__proto__: {port: 1}\n',
    [/^f\.yaml:1:1: unknown key constructor/, /^f\.yaml:2:1: unknown key __proto__/],
  ],
  ['a key that is no word', '? [a]\n: 1\n', [/^f\.yaml:1:3: unknown key \(no plain key\)/]],
  [
    'a bad value names line, rule and value',
    'server:\n  port: 70000\n',
    ['f.yaml:2:9: server.port is 70000, but must be a whole number from 0 to 65535.'],
  ],
  [
    'a bad item of a list is pointed at',
    'server:\n  cors_origins:\n    - "*"\n    - nonsense\n',
    [/^f\.yaml:4:7: server\.cors_origins is \["\*", "nonsense"\], but must be a list/],
  ],
  [
    'a list that is too long is pointed at as a whole',
    `server:\n  cors_origins: [${'"*",'.repeat(65)}]\n`,
    [/^f\.yaml:2:17: server\.cors_origins is a list of 65 items/],
  ],
  ['a key without a value', 'server:\n  port:\n', [/^f\.yaml:2:\d+: server\.port is null, but must be/]],
  [
    'a group where a value belongs',
    'server:\n  port: {a: 1}\n',
    [/^f\.yaml:2:9: server\.port is a group of keys, but/],
  ],
  [
    'a value where a group belongs',
    'server: 9000\n',
    [/^f\.yaml:1:9: server is 9000, but must be a group of keys: host, port/],
  ],
  ['a list where a group belongs', 'server: [1]\n', [/^f\.yaml:1:9: server is a list, but must be a group/]],
  [
    'a document that is a list',
    '- 1\n',
    [/^f\.yaml:1:1: the configuration is a list, but must be a group of keys: server, model/],
  ],
  ['a document that is a word', 'hello\n', [/^f\.yaml:1:1: the configuration is "hello", but/]],
  [
    'a key set twice names both lines',
    'server:\n  port: 1\n  port: 2\n',
    ['f.yaml:3:3: server.port is set twice, first on line 2. Keep one of the two.'],
  ],
  ['a tab as indentation', 'server:\n\tport: 1\n', ['f.yaml:2:1: a tab as indentation. Indent with spaces.']],
  ['a bracket that is not closed', 'server: {port: 1\nmodel: {}\n', [/^f\.yaml:2:1: wrong indentation, or a bracket/]],
  [
    'a quote that is not closed',
    'server:\n  host: "x\n',
    [/^f\.yaml:\d+:\d+: not valid YAML: Missing closing "quote\.$/],
  ],
  ['a colon in a plain value', 'server:\n  host: a: b\n', [/^f\.yaml:2:9: a mapping cannot begin here/]],
  ['two documents', 'server: {}\n---\nmodel: {}\n', [/^f\.yaml:2:1: a second document begins here/]],
  [
    'an alias',
    'server: &a {}\nmodel: *a\n',
    [
      'f.yaml:1:12: the anchor &a is not accepted; remove it.',
      'f.yaml:2:8: the alias *a is not accepted; write the value itself.',
    ],
  ],
  ['a tag', 'server: {port: !!int "1"}\n', [/^f\.yaml:1:\d+: the tag tag:yaml.org,2002:int is not accepted/]],
  [
    'a directive',
    '%YAML 1.1\n---\nserver: {docs: yes}\n',
    ['f.yaml:1:1: a %YAML directive is not accepted; remove the line.'],
  ],
  ['a control character', 'server:\n  host: "\u0000"\n', ['f.yaml:2:10: a control character; this is no text file.']],
];

for (const [label, yaml, expected] of CASES) {
  t.test(label, async (t) => {
    const lines = problemsOf(yaml);
    t.equal(lines.length, expected.length, lines.join('\n'));
    for (const [index, line] of lines.entries()) {
      const pattern = expected[index]!;
      if (typeof pattern === 'string') t.equal(line, pattern);
      else t.match(line, pattern);
    }
  });
}

t.test('several errors are all reported, in the order of the file', async (t) => {
  const yaml = 'server:\n  prot: 1\n  port: x\nlogging:\n  requests: yes\nserver: {}\n';
  t.same(
    problemsOf(yaml).map((line) => /^f\.yaml:(\d+:\d+)/.exec(line)?.[1]),
    ['2:3', '3:9', '5:13', '6:1'],
  );
});

t.test('an unquoted number is taken as written where text is meant', async (t) => {
  const { values } = readDocument('f.yaml', Buffer.from('model:\n  expect_version: 1.10\n  expect_accuracy: 0.720\n'));
  t.equal(values.get('model.expect_version'), '1.10');
  t.equal(values.get('model.expect_accuracy'), '0.720');
});

t.test('a number stays a number where a number is accepted', async (t) => {
  const { values } = readDocument('f.yaml', Buffer.from('backend:\n  keep_alive_s: -0\n  hailo: {device_id: 0}\n'));
  t.equal(values.get('backend.hailo.device_id'), 0);
  t.ok(Object.is(values.get('backend.keep_alive_s'), 0), 'and -0 is 0, because JSON knows no other');
});

const BOMBS: readonly [label: string, bytes: Uint8Array, sentence: RegExp][] = [
  ['a file of more than 1 MiB', Buffer.alloc(1024 * 1024 + 1, '#'), /^f\.yaml:1:1: the file is larger than 1 MiB/],
  ['a file of more than 64 KiB without its comments', Buffer.alloc(65537, 'a'), /^f\.yaml:1:1: .*64 KiB/],
  ['bytes that are no UTF-8', Buffer.from([0x61, 0xff]), /^f\.yaml:1:1: the file is not UTF-8/],
  ['lists in lists without end', Buffer.alloc(60000, '['), /^f\.yaml:1:\d+: nested too deeply/],
  ['closed lists in lists', Buffer.from('['.repeat(30000) + ']'.repeat(30000)), /^f\.yaml:1:\d+: nested too deeply/],
  ['groups in groups without end', Buffer.alloc(60000, '{'), /^f\.yaml:1:\d+: nested too deeply/],
  ['block lists in block lists', Buffer.from('- '.repeat(30000)), /^f\.yaml:1:\d+: nested too deeply/],
  [
    'a billion laughs',
    Buffer.from(
      `a: &a [x]\n${[...'bcdefghi'].map((c, i) => `${c}: &${c} [${`*${'abcdefgh'[i]},`.repeat(9)}]`).join('\n')}\n`,
    ),
    /the anchor &a is not accepted/,
  ],
];
for (const [label, bytes, sentence] of BOMBS) {
  t.test(`refused within bounds: ${label}`, async (t) => {
    t.match(problemsOf(bytes)[0], sentence);
  });
}

t.test('comments may be long: 1 MiB of them is a configuration', async (t) => {
  t.same(problemsOf('# comment\n'.repeat(100_000)), []);
});

const WORDS = [
  'server',
  'port',
  'host',
  ':',
  ' ',
  '\n',
  '  ',
  '- ',
  '[',
  ']',
  '{',
  '}',
  ',',
  '"',
  "'",
  '#',
  '&a',
  '*a',
];
const MORE_WORDS = [
  '!t',
  '|',
  '>',
  '%',
  '---\n',
  '...',
  '?',
  '\t',
  '<<',
  '1',
  'true',
  '~',
  '\uFEFF',
  '\r',
  'é',
  '\u0000',
];

t.test('whatever the text, the answer is a document or errors with a line', async (t) => {
  const soup = fc.array(fc.constantFrom(...WORDS, ...MORE_WORDS), { maxLength: 60 }).map((words) => words.join(''));
  const text = fc.oneof(soup, fc.string({ unit: 'binary', maxLength: 80 }));
  fc.assert(
    fc.property(text, fc.constantFrom('f.yaml', 'f.json'), (source, file) => {
      for (const line of problemsOf(source, file)) {
        if (!/^f\.(yaml|json):[1-9]\d*:[1-9]\d*: ./.test(line)) throw new Error(`no place in: ${line}`);
      }
    }),
    { numRuns: 1500 },
  );
  t.pass('1,500 texts');
});

t.test('whatever the bytes, the answer is a document or errors', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      problemsOf(bytes);
    }),
  );
  t.pass('100 files');
});
