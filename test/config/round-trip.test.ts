import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { stringify } from 'yaml';
import { readDocument } from '../../src/config/document.ts';
import { ENVIRONMENT } from '../../src/config/environment.ts';
import {
  CONFIG_KEYS,
  isSameSetting,
  KEY_BY_NAME,
  RELOADABLE_KEYS,
  type Setting,
  toConfig,
  toSettings,
} from '../../src/config/keys.ts';
import { loadConfig } from '../../src/config/load.ts';
import { toRenderedJson } from '../../src/config/rendered.ts';
import { checkSetting, checkTogether } from '../../src/config/rules.ts';
import { fakeFiles } from './fake-files.ts';

interface Leaf {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Leaf[];
  readonly items?: Leaf;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly maxLength?: number;
}

/** Any value that the schema of a key describes. */
function valuesOf(leaf: Leaf): fc.Arbitrary<Setting> {
  const range = { min: leaf.minimum ?? 0, max: leaf.maximum ?? 0 };
  if (leaf.enum !== undefined) return fc.constantFrom(...leaf.enum);
  if (leaf.anyOf !== undefined) return fc.oneof(...leaf.anyOf.map(valuesOf));
  if (leaf.type === 'null') return fc.constant(null);
  if (leaf.type === 'boolean') return fc.boolean();
  if (leaf.type === 'integer') return fc.integer(range);
  if (leaf.type === 'number') return fc.double({ ...range, noNaN: true }).map((value) => (value === 0 ? 0 : value));
  if (leaf.type === 'array') return fc.array(valuesOf(leaf.items!) as fc.Arbitrary<string>, { maxLength: 3 });
  return fc.stringMatching(new RegExp(leaf.pattern!, 'u')).filter((text) => text.length <= leaf.maxLength!);
}

const entries = CONFIG_KEYS.map(({ key, schema }) => [key, valuesOf(schema as Leaf)] as const);
const anySettings = fc
  .record(Object.fromEntries(entries) as Record<string, fc.Arbitrary<Setting>>, { requiredKeys: [] })
  .map((record) => new Map<string, Setting>(Object.entries(record) as [string, Setting][]))
  .filter((settings) =>
    CONFIG_KEYS.every((entry) => !settings.has(entry.key) || checkSetting(entry, settings.get(entry.key)) === null),
  )
  .map((settings) => {
    const [warning, critical] = ['warning', 'critical'].map((name) => `backend.hailo.temperature_${name}_celsius`);
    const [low, high] = [settings.get(warning!) ?? 70, settings.get(critical!) ?? 85]
      .map(Number)
      .toSorted((a, b) => a - b);
    return settings.set(warning!, low!).set(critical!, high!);
  })
  .filter((settings) => checkTogether(settings).length === 0);

/** Only the keys that are set, nested as in a file. */
function toYaml(settings: ReadonlyMap<string, Setting>): string {
  const root: Record<string, unknown> = {};
  for (const [key, value] of settings) {
    const names = key.split('.');
    let group = root;
    for (const name of names.slice(0, -1)) {
      group[name] ??= {};
      group = group[name] as Record<string, unknown>;
    }
    group[names.at(-1)!] = value;
  }
  return stringify(root);
}

t.test('any valid configuration survives YAML → JSON → load unchanged', async (t) => {
  fc.assert(
    fc.property(anySettings, (settings) => {
      const yaml = toYaml(settings);
      const direct = loadConfig({ path: '/c.yaml', env: {}, readFile: fakeFiles({ '/c.yaml': yaml }) });
      const { positions } = readDocument('/c.yaml', Buffer.from(yaml));
      const input = {
        settings: toSettings(direct.config),
        positions,
        yamlPath: '/c.yaml',
        yamlText: yaml,
        program: null,
      };
      const json = toRenderedJson(input);
      const again = loadConfig({ path: '/c.json', env: {}, readFile: fakeFiles({ '/c.json': json, '/c.yaml': yaml }) });
      const wanted = JSON.stringify(toConfig(settings));
      if (JSON.stringify(direct.config) !== wanted || JSON.stringify(again.config) !== wanted) throw new Error(yaml);
      if (again.version16 !== direct.version16) throw new Error('the version changed');
      if (!isSameOrigins(again.origins, direct.origins)) throw new Error('the origins changed');
      if (again.warnings.some((warning) => warning.includes('rendered'))) throw new Error(again.warnings.join());
      if (toRenderedJson(input) !== json) throw new Error('not deterministic');
    }),
    { numRuns: 150 },
  );
  t.pass('150 configurations');
});

function isSameOrigins(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

const SHIPPED = new URL('../../etc/hailo-tcn-sidecar.yaml', import.meta.url);
const shipped = readFileSync(SHIPPED, 'utf8');

/** The comment directly above each key of the shipped file, as one line. */
function commentsOf(text: string): Map<string, string> {
  const { positions } = readDocument('/shipped.yaml', Buffer.from(text));
  const lines = text.split('\n');
  return new Map(
    [...positions].map(([key, { line }]) => {
      const comment: string[] = [];
      for (let row = line - 2; /^\s*#/.test(lines[row] ?? ''); row -= 1)
        comment.unshift(lines[row]!.replace(/^\s*# ?/, ''));
      return [key, comment.join(' ')];
    }),
  );
}

t.test('the shipped file is there and shows every key with its default', async (t) => {
  t.ok(existsSync(SHIPPED));
  const { values, problems } = readDocument('/shipped.yaml', Buffer.from(shipped));
  t.same(problems, []);
  t.same([...values.keys()], [...KEY_BY_NAME.keys()]);
  for (const { key, default: value } of CONFIG_KEYS) t.ok(isSameSetting(values.get(key), value), key);
});

t.test('the shipped file documents every key as the schema does, with its marks', async (t) => {
  const comments = commentsOf(shipped);
  for (const { key, description } of CONFIG_KEYS) {
    const comment = comments.get(key) ?? '';
    t.ok(comment.startsWith(description), `${key}: ${comment}`);
    t.equal(comment.includes('(reload)'), RELOADABLE_KEYS.includes(key), `${key}: (reload)`);
    const variable = ENVIRONMENT.find((override) => override.key === key)?.names[0];
    t.equal(/\(env (\w+)\)/.exec(comment)?.[1], variable, `${key}: (env)`);
  }
});
