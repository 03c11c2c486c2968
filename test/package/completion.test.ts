import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CAPTURES, OUTPUTS } from '../../src/cli/feed-options.ts';
import { FORMATS } from '../../src/observe/log.ts';
import { ROOT, skipWithout } from '../e2e/launch.ts';
import { globalOptions, operandsIn, optionsIn, readSynopses, takingOptionsIn } from './help.ts';

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
replaced=\${COMP_WORDS[COMP_CWORD]}
[[ \${COMP_WORDS[COMP_CWORD - 1]} != @ ]] || replaced=@$replaced
"$1" hailo-tcn-sidecar "$replaced" "\${COMP_WORDS[COMP_CWORD - 1]}"
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
  'i.ndjson': '',
  'j.tcnmodel': '',
  'k.key': '',
  'l.pub': '',
  sub: {},
};

t.test('the first word is one of the commands or options of the program', async (t) => {
  t.same(complete(['']), [...firstWords, ...globalOptions()].sort());
  t.same(complete(['se']), ['selftest', 'serve']);
});

t.test('the second word is one of the subcommands, where there are any', async (t) => {
  const groups = firstWords.filter((first) => secondWords(first).length > 0);
  t.same(groups, ['config', 'model']);
  const shared = (group: string) => optionsIn(commands.get(group)?.syntax ?? '');
  for (const group of groups)
    t.same(complete([group, '']), [...shared(group), '--help', ...secondWords(group)].sort(), group);
  t.same(complete(['model', '--config', 'x.yaml', '']), secondWords('model').sort(), 'after an option of all of them');
});

t.test('every command offers the options of its help and --help, and no other', async (t) => {
  t.ok(commands.size > 5);
  for (const [command, { syntax }] of commands)
    t.same(complete([...command.split(' '), '-']), [...optionsIn(syntax), '--help'].sort(), command);
});

t.test('after an option comes what its help says that it takes', async (t) => {
  const cwd = t.testdir(FILES);
  const json = ['a.json', 'f g.json', 'sub'];
  const configuration = ['a.json', 'b.yaml', 'c.yml', 'f g.json', 'sub'];
  const model = ['j.tcnmodel', 'sub'];
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
    'model --config FILE': configuration,
    'model fit-motifs --windows FILE.ndjson': ['i.ndjson', 'sub'],
    'model fit-motifs --out DIR': ['sub'],
    'model fit-motifs --from DIR': ['sub'],
    'model fit-motifs --k N': ['auto'],
    'model fit-motifs --seed N': [],
    'model fit-motifs --labels A': [],
    'model fit-motifs --name NAME': [],
    'model fit-motifs --bundle-version VERSION': [],
    'model pack --out FILE': model,
    'model pack --key PRIVATE': ['k.key', 'sub'],
    'model keygen --out PREFIX': ['sub'],
    'model sign --key PRIVATE': ['k.key', 'sub'],
    'model sign --out FILE': model,
    'model verify --key PUBLIC': ['l.pub', 'sub'],
    'model install --sha256 HEX': [],
    'model gc --keep N': [],
    'model candidate --canary PERCENT': [],
    'deploy --timeout S': [],
    'deploy --port N': [],
    'deploy --identity FILE': [...Object.keys(FILES)].sort(),
    'deploy --ssh-option OPT': [],
    'doctor --config FILE': configuration,
    'streams --config FILE': configuration,
    'selftest --url URL': [],
    'selftest --token-file FILE': [...Object.keys(FILES)].sort(),
    'selftest --bundle DIR': ['sub'],
    'selftest --config FILE': configuration,
    'feed --columns A': [],
    'feed --rate HZ': [],
    'feed --time-unit UNIT': ['ms', 'ns', 's', 'us'],
    'feed --acc-unit UNIT': ['g', 'm/s2', 'mg'],
    'feed --gyro-unit UNIT': ['deg/s', 'mdeg/s', 'rad/s'],
    'feed --mag-unit UNIT': ['G', 'mG', 'mT', 'nT', 'uT'],
    'feed --baud N': [],
    'feed --capture HOW': [...CAPTURES].sort(),
    'feed --root DIR': ['sub'],
    'feed --speed N': ['max'],
    'feed --hop N': [],
    'feed --top-k N': [],
    'feed --smoothing MS': [],
    'feed --hysteresis X': [],
    'feed --dwell-ms MS': [],
    'feed --gaps POLICY': ['hold', 'interpolate', 'restart'],
    'feed --max-gap-ms MS': [],
    'feed --name NAME': [],
    'feed --output KIND': [...OUTPUTS].sort(),
    'feed --save FILE': [...Object.keys(FILES)].sort(),
    'feed --url URL': [],
    'feed --token-file FILE': [...Object.keys(FILES)].sort(),
    'feed --config FILE': configuration,
  };
  const taking = [...commands].flatMap(([command, { syntax }]) =>
    takingOptionsIn(syntax).map((option) => `${command} ${option}`),
  );
  t.same(Object.keys(EXPECTED).sort(), taking.sort());
  for (const [call, expected] of Object.entries(EXPECTED))
    t.same(complete([...call.split(' ').slice(0, -1), ''], { cwd }), expected, call);
});

t.test('operands are files, directories or models, also half typed, and after =', async (t) => {
  const cwd = t.testdir(FILES);
  const operands = [...commands].flatMap(([command, { calls }]) => (operandsIn(command, calls[0]!)[0] ? command : []));
  const ofModels = ['activate', 'candidate', 'remove'].map((name) => `model ${name}`);
  const ofFiles = ['sign', 'verify', 'install'].map((name) => `model ${name}`);
  const ofDirectories = ['model inspect', 'model pack'];
  t.same(
    operands.sort(),
    ['config check', 'deploy', 'feed', 'model', ...ofDirectories, ...ofFiles, ...ofModels].sort(),
  );
  for (const command of ofDirectories) t.same(complete([...command.split(' '), ''], { cwd }), ['sub'], command);
  for (const command of ofFiles) t.same(complete([...command.split(' '), ''], { cwd }), ['j.tcnmodel', 'sub'], command);
  t.same(complete(['feed', ''], { cwd }), ['i.ndjson', 'sub']);
  t.same(complete(['deploy', ''], { cwd }), [], 'a machine');
  t.same(complete(['deploy', 'box', ''], { cwd }), ['j.tcnmodel', 'sub'], 'and a file for it');
  t.same(complete(['config', 'check', ''], { cwd }), ['a.json', 'b.yaml', 'c.yml', 'f g.json', 'sub']);
  t.same(complete(['config', 'check', '--json', 'f'], { cwd }), ['f g.json']);
  t.same(complete(['serve', '--format', '=', 'j'], { cwd }), ['journal', 'json']);
  t.same(complete(['serve', '--config', '='], { cwd }), ['a.json', 'b.yaml', 'c.yml', 'f g.json', 'sub']);
});

t.test('a model is one of those in the store of the configuration', async (t) => {
  const shelf = { '1.0': {}, '1.1': {}, '.staging-x': {} };
  const store = { tiny: shelf, other: { '2': {} }, empty: {}, '.staging-1': { a: {} }, 'journal.json': '' };
  const cwd = t.testdir({ store, sub: {} });
  symlinkSync('tiny/1.0', join(cwd, 'store/active'));
  mkdirSync(join(cwd, 'store/tiny/1.0/inside'));
  writeFileSync(join(cwd, 'yaml'), `model:\n  # Where.\n  store: ${cwd}/store  # a comment\n`);
  writeFileSync(join(cwd, 'json'), JSON.stringify({ model: { store: `${cwd}/store`, x: 1 } }, null, 2));
  const all = ['other@2', 'tiny@1.0', 'tiny@1.1'];
  for (const file of ['yaml', 'json']) {
    const at = (...words: string[]) => complete(['model', '--config', file, ...words], { cwd });
    t.same(at('remove', ''), all, file);
    t.same(at('candidate', ''), all);
    t.same(at('activate', ''), ['other@2', 'packaged', 'tiny@1.0', 'tiny@1.1']);
    t.same(at('activate', 'ti'), ['tiny@1.0', 'tiny@1.1']);
    t.same(at('fit-motifs', '--from', ''), ['other@2', 'store', 'sub', 'tiny@1.0', 'tiny@1.1']);
    t.same(at('inspect', ''), ['other@2', 'store', 'sub', 'tiny@1.0', 'tiny@1.1']);
  }
  const splitAt = (...words: string[]) => complete(['model', '--config', 'yaml', 'activate', ...words], { cwd });
  t.same(splitAt('tiny', '@'), ['@1.0', '@1.1'], 'bash makes three words of NAME@VERSION, and replaces from the @');
  t.same(splitAt('tiny', '@', '1.1'), ['@1.1']);
  t.same(splitAt('tiny@1.1'), ['tiny@1.1'], 'or one word');
  t.same(splitAt('none', '@', ''), []);
  t.same(complete(['model', '--config', 'missing', 'remove', ''], { cwd }), complete(['model', 'remove', '']));
});

t.test('the same with the helpers of the package bash-completion', { skip: needsHelpers }, async (t) => {
  const cwd = t.testdir(FILES);
  const place = { cwd, helpers: true };
  t.same(complete([''], place), complete(['']));
  t.same(complete(['serve', '--config', ''], place), ['a.json', 'b.yaml', 'c.yml', 'f g.json', 'sub']);
  t.same(complete(['model', 'inspect', ''], place), ['sub']);
});
