import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { FORMATS } from '../../src/observe/log.ts';
import { ROOT, skipWithout } from '../e2e/launch.ts';
import { globalOptions, optionsIn, readSynopses } from './help.ts';

const FILE = join(ROOT, 'packaging/completion/hailo-tcn-sidecar');
const HELPERS = '/usr/share/bash-completion/bash_completion';
const needsHelpers = skipWithout({ [HELPERS]: "install Debian's package bash-completion" });

/** What bash does at the Tab key after these words, the last of which is being typed. Finds the function as bash does. */
const TAB = `
for file in "\${files[@]}"; do source "$file"; done
registered=$(complete -p hailo-tcn-sidecar)
set -- \${registered##*-F }
COMP_LINE="\${COMP_WORDS[*]}"
COMP_POINT=\${#COMP_LINE}
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
"$1" hailo-tcn-sidecar "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD - 1]}"
((\${#COMPREPLY[@]} == 0)) || printf '%s\\n' "\${COMPREPLY[@]}"`;

interface Place {
  readonly cwd?: string;
  readonly helpers?: boolean;
}

/** Suggestions for `hailo-tcn-sidecar WORDS…`, each once, sorted. */
function complete(words: readonly string[], { cwd = '/', helpers = false }: Place = {}): string[] {
  const quote = (word: string) => `'${word}'`;
  const files = [...(helpers ? [HELPERS] : []), FILE].map(quote).join(' ');
  const line = ['hailo-tcn-sidecar', ...words].map(quote).join(' ');
  const script = `files=(${files}); COMP_WORDS=(${line}); ${TAB}`;
  const out = execFileSync('bash', ['--norc', '-c', script], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });
  return [...new Set(out.split('\n').filter((name) => name !== ''))].sort();
}

const commands = readSynopses();
const firstWords = [...new Set([...commands.keys()].map((command) => command.split(' ')[0] ?? ''))];
const secondWords = (first: string) =>
  [...commands.keys()].flatMap((c) => (c.startsWith(`${first} `) ? c.split(' ')[1]! : []));
const FILES = {
  'a.json': '',
  'b.yaml': '',
  'c.yml': '',
  'd.onnx': '',
  'e.hef': '',
  'f g.json': '',
  'h.txt': '',
  sub: {},
};

t.test('the first word is one of the commands or options of the program', async (t) => {
  t.same(complete(['']), [...firstWords, ...globalOptions()].sort());
  t.same(complete(['se']), ['selftest', 'serve']);
});

t.test('the second word is one of the subcommands, where there are any', async (t) => {
  const groups = firstWords.filter((first) => secondWords(first).length > 0);
  t.same(groups, ['config', 'model']);
  for (const group of groups) t.same(complete([group, '']), ['--help', ...secondWords(group)].sort(), group);
});

t.test('every command offers the options of its help and --help, and no other', async (t) => {
  t.ok(commands.size > 5);
  for (const [command, synopsis] of commands)
    t.same(complete([...command.split(' '), '-']), [...optionsIn(synopsis), '--help'].sort(), command);
});

t.test('after an option comes what its help says that it takes', async (t) => {
  const cwd = t.testdir(FILES);
  const json = ['a.json', 'f g.json', 'sub'];
  const configuration = ['a.json', 'b.yaml', 'c.yml', 'f g.json', 'sub'];
  const EXPECTED: Readonly<Record<string, readonly string[]>> = {
    'serve --config FILE': configuration,
    'serve --format FORMAT': [...FORMATS].sort(),
    'config render --in FILE.yaml': ['b.yaml', 'c.yml', 'sub'],
    'config render --out FILE.json': json,
    'config render --signal PID': [],
    'config show --config FILE': configuration,
    'config systemd --config FILE': configuration,
    'model create --onnx FILE': ['d.onnx', 'sub'],
    'model create --config model_config.json': json,
    'model create --out DIR': ['sub'],
    'model create --hef FILE': ['e.hef', 'sub'],
    'model create --motifs FILE': json,
    'model create --name NAME': [],
    'model create --bundle-version VERSION': [],
    'doctor --config FILE': configuration,
    'selftest --url URL': [],
    'selftest --bundle DIR': ['sub'],
    'selftest --config FILE': configuration,
  };
  const taking = [...commands].flatMap(([command, synopsis]) =>
    [...synopsis.matchAll(/--[a-z-]+ [A-Za-z_.]+/g)].map(([option]) => `${command} ${option}`),
  );
  t.same(Object.keys(EXPECTED).sort(), taking.sort());
  for (const [call, expected] of Object.entries(EXPECTED))
    t.same(complete([...call.split(' ').slice(0, -1), ''], { cwd }), expected, call);
});

t.test('operands are files or directories, also half typed, and after =', async (t) => {
  const cwd = t.testdir(FILES);
  const operands = [...commands].flatMap(([command, synopsis]) => (/ \[[A-Z]+\]/.test(synopsis) ? command : []));
  t.same(operands, ['config check', 'model inspect']);
  t.same(complete(['config', 'check', ''], { cwd }), ['a.json', 'b.yaml', 'c.yml', 'f g.json', 'sub']);
  t.same(complete(['config', 'check', '--json', 'f'], { cwd }), ['f g.json']);
  t.same(complete(['model', 'inspect', ''], { cwd }), ['sub']);
  t.same(complete(['serve', '--format', '=', 'j'], { cwd }), ['journal', 'json']);
  t.same(complete(['serve', '--config', '='], { cwd }), ['a.json', 'b.yaml', 'c.yml', 'f g.json', 'sub']);
});

t.test('the same with the helpers of the package bash-completion', { skip: needsHelpers }, async (t) => {
  const cwd = t.testdir(FILES);
  const place = { cwd, helpers: true };
  t.same(complete([''], place), complete(['']));
  t.same(complete(['serve', '--config', ''], place), ['a.json', 'b.yaml', 'c.yml', 'f g.json', 'sub']);
  t.same(complete(['model', 'inspect', ''], place), ['sub']);
});
