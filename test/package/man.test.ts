import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ENVIRONMENT } from '../../src/config/environment.ts';
import { DEFAULT_JSON_PATH, DEFAULT_YAML_PATH } from '../../src/config/files.ts';
import { CONFIG_KEYS, DEFAULTS } from '../../src/config/keys.ts';
import { ERRORS } from '../../src/core/errors.ts';
import { MESSAGE_IDS } from '../../src/core/message-ids.ts';
import { DAMAGED_JOURNAL, JOURNAL } from '../../src/models/store/store-journal.ts';
import { ROLES } from '../../src/models/store/store-ref.ts';
import { RECORD } from '../../src/models/store/store-shelf.ts';
import { FORMATS } from '../../src/observe/log.ts';
import { INSTALLED_MODEL } from '../../src/system/bundled-model.ts';
import { ROOT, skipWithout } from '../e2e/launch.ts';
import { globalOptions, optionsIn, readSynopses } from './help.ts';

const FILE = join(ROOT, 'packaging/man/hailo-tcn-sidecar.8');
const page = readFileSync(FILE, 'utf8');
const MAN = '/usr/bin/man';
const skip = skipWithout({ [MAN]: "install Debian's packages man-db and groff-base", '/usr/bin/groff': 'groff-base' });

/** Parts of the page by their headings: `.Sh` or, within one, `.Ss`. */
function parts(text: string, macro: '.Sh' | '.Ss'): Map<string, string> {
  const pieces = `\n${text}`.split(`\n${macro} `).slice(1);
  return new Map(pieces.map((piece) => [piece.split('\n')[0] ?? '', piece.slice(piece.indexOf('\n') + 1)]));
}

const sections = parts(page, '.Sh');
const section = (name: string) => sections.get(name) ?? '';

/** mdoc's macros as they are printed: `.Op Fl -in Ar FILE` → `[--in FILE]`. */
function toText(line: string): string {
  const isOptional = line.startsWith('.Op ');
  const text = line
    .replace(/^\.(Op )?/, '')
    .replace(/\bFl -/g, '--')
    .replace(/\b(Ar|Cm|Ev|Pa|Va) /g, '')
    .replaceAll('\\[u2026]', '…')
    .replace(/ Pq .*$/, '');
  return isOptional ? `[${text}]` : text;
}

function synopsis(): string[] {
  const calls = section('SYNOPSIS')
    .split(/^\.Nm$/m)
    .slice(1);
  return calls.map((call) => call.trim().split('\n').map(toText).join(' '));
}

/** What a part explains: the terms of its lists. */
function terms(text: string): string[] {
  return [...text.matchAll(/^\.It (.*)$/gm)].map(([, term = '']) => toText(`.${term}`));
}

const synopses = readSynopses();
const sorted = (names: Iterable<string>) => [...names].sort();

t.test('the synopsis shows every command as its help does, and no other', async (t) => {
  t.same(sorted(synopsis()), sorted([...[...synopses.values()].flatMap(({ calls }) => calls), ...globalOptions()]));
});

t.test('every command is explained with each of its options, and no other', async (t) => {
  const explained = parts(section('COMMANDS'), '.Ss');
  const optionsOf = (pairs: Iterable<[string, string]>) =>
    [...pairs].map(([command, text]) => `${command}: ${optionsIn(text)}`).sort();
  const inPage = [...explained].map(([command, text]): [string, string] => [command, terms(text).join(' ')]);
  const inHelp = [...synopses].map(([command, { syntax }]): [string, string] => [command, syntax]);
  t.same(optionsOf(inPage), optionsOf(inHelp));
  t.same(sorted(terms(section('DESCRIPTION'))), globalOptions());
  const formats = [...(explained.get('serve') ?? '').matchAll(/^\.Cm (\w+)/gm)].map(([, format]) => format);
  t.same(sorted(formats as string[]), sorted(FORMATS), 'the formats of the log');
});

t.test('every variable that wins over the file stands beside the key that it sets', async (t) => {
  const [winning = ''] = section('ENVIRONMENT').split('\n.Pp\n');
  const found = [...winning.matchAll(/^\.It Ev (.*)\n\.Va (.*)$/gm)].map(([, names, key]) => `${names} → ${key}`);
  t.same(sorted(found), sorted(ENVIRONMENT.map(({ names, key }) => `${names.join(' , ')} → ${key}`)));
});

t.test('every exit status of the table of errors is explained', async (t) => {
  const OTHERS = [0, 74, 130]; // success; single-file/entry.ts: the output cannot be written; cli/deploy.ts: interrupted
  const statuses = new Set([...OTHERS, ...Object.values(ERRORS).map(({ exit }) => exit)]);
  t.same(
    terms(section('EXIT STATUS')).map(Number),
    [...statuses].sort((a, b) => a - b),
  );
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const inReadme = [...readme.matchAll(/^\| `[A-Z_0-9]+` \| \d+ \| (\d+) \|/gm)].map(([, exit]) => Number(exit));
  t.ok(inReadme.length > 0 && inReadme.every((exit) => statuses.has(exit)), 'those of the README among them');
  const unit = readFileSync(join(ROOT, 'systemd/hailo-tcn-sidecar.service'), 'utf8');
  const prevented = /^RestartPreventExitStatus=(.*)$/m.exec(unit)?.[1]?.split(' ') ?? [];
  const final = prevented.filter((status) => Number(status) < 200); // the others are systemd's own
  t.same(/^After ([\d, and]+) the unit/m.exec(section('EXIT STATUS'))?.[1]?.match(/\d+/g), final);
});

t.test('the files are those of the program, the unit and the package', async (t) => {
  const run = '/run/hailo-tcn-sidecar/hailo-tcn-sidecar.json';
  const named = terms(section('FILES'));
  const store = String(DEFAULTS.get('model.store'));
  const ofStore = ['NAME/VERSION', JOURNAL, ...ROLES.slice(0, 1)].map((name) => join(store, name));
  const ofProgram = [
    DEFAULT_YAML_PATH,
    DEFAULT_JSON_PATH,
    INSTALLED_MODEL,
    store,
    String(DEFAULTS.get('admin.socket')),
  ];
  for (const path of [...ofProgram, ...ofStore, run]) t.ok(named.includes(path), path);
  for (const name of [RECORD, DAMAGED_JOURNAL, ...ROLES.slice(1)]) t.match(section('FILES'), `.Pa ${name}`, name);
  const unit = readFileSync(join(ROOT, 'systemd/hailo-tcn-sidecar.service'), 'utf8');
  t.match(unit, `--out ${run}`);
  t.match(unit, 'Documentation=man:hailo-tcn-sidecar(8)');
});

t.test('every key of the configuration that belongs to the store is explained', async (t) => {
  const keys = CONFIG_KEYS.map(({ key }) => key);
  const ofStore = keys.filter((key) => /^(rollout|admin)\.|^model\.(store|trusted_keys)$/.test(key));
  const text = section('THE MODEL STORE');
  t.same(sorted(terms(text)), sorted(ofStore));
  const named = [...page.matchAll(/^\.Va ([a-z]+\.\S+)/gm)].map(([, key = '']) => key);
  t.same(
    named.filter((key) => !keys.includes(key)),
    [],
    'and no page names one that is not there',
  );
});

t.test('the message id of its example is that of a model taken back', async (t) => {
  t.match(section('EXAMPLES'), MESSAGE_IDS.modelReverted);
});

t.test('man renders it without a warning', { skip }, async (t) => {
  const env = { ...process.env, LC_ALL: 'C.UTF-8', MANROFFSEQ: '', MANWIDTH: '80' };
  const options = ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', FILE];
  const { status, stderr, stdout } = spawnSync(MAN, options, { env, encoding: 'utf8' });
  t.same({ status, stderr }, { status: 0, stderr: '' });
  t.ok(stdout.length > 10_000, 'the whole page');
});

t.test('groff renders it without a warning', { skip }, async (t) => {
  const { status, stderr } = spawnSync('groff', ['-ww', '-mandoc', '-Tutf8', FILE], { encoding: 'utf8' });
  t.same({ status, stderr }, { status: 0, stderr: '' });
});
