import type { TObject, TSchema } from 'typebox';
import { isGroup, KEY_BY_NAME, type Setting } from './keys.ts';
import { nearest } from './nearest.ts';
import type { Position, Problem } from './problems.ts';
import { checkSetting, show } from './rules.ts';
import { ConfigSchema } from './schema.ts';
import type { SourceEntry, SourceGroup, SourceNode } from './source.ts';

/** What a file sets, where, and what is wrong with it. */
export interface FileSettings {
  readonly values: Map<string, Setting>;
  readonly positions: Map<string, Position>;
  readonly problems: Problem[];
}

/** Walks a parsed file along the schema; every problem is collected, none stops the walk. `ignored`: top-level names. */
export function readSettings(root: SourceNode | null, file: string, ignored: readonly string[] = []): FileSettings {
  const walk = new Walk(file, ignored);
  if (root !== null) walk.group(root, ConfigSchema, '');
  return walk.found;
}

class Walk {
  readonly found: FileSettings = { values: new Map(), positions: new Map(), problems: [] };
  readonly #file: string;
  readonly #ignored: readonly string[];

  constructor(file: string, ignored: readonly string[]) {
    this.#file = file;
    this.#ignored = ignored;
  }

  group(node: SourceNode, schema: TObject, prefix: string): void {
    // "server:" with every key commented out is an empty group, not an error.
    if (node.kind === 'scalar' && node.value === null) return;
    if (node.kind === 'group') this.#entries(node, schema, prefix);
    else this.#report(node.at, null, this.#notAGroup(node, schema, prefix.slice(0, -1)));
  }

  #entries(node: SourceGroup, schema: TObject, prefix: string): void {
    const lineOf = new Map<string, number>();
    for (const entry of node.entries) {
      const first = lineOf.get(entry.name);
      if (first !== undefined) {
        const message = `${prefix}${entry.name} is set twice, first on line ${first}. Keep one of the two.`;
        this.#report(entry.at, null, message);
        continue;
      }
      lineOf.set(entry.name, entry.at.line);
      this.#entry(entry, schema, prefix);
    }
  }

  #entry(entry: SourceEntry, schema: TObject, prefix: string): void {
    const key = `${prefix}${entry.name}`;
    if (this.#ignored.includes(key)) return;
    const child: TSchema | undefined = Object.hasOwn(schema.properties, entry.name)
      ? schema.properties[entry.name]
      : undefined;
    if (child === undefined) this.#report(entry.at, null, unknownKey(key, entry.name, schema, prefix));
    else if (isGroup(child)) this.group(entry.value, child, `${key}.`);
    else this.#leaf(key, entry.value);
  }

  #leaf(key: string, node: SourceNode): void {
    const entry = KEY_BY_NAME.get(key)!;
    const value = toValue(node, (candidate) => checkSetting(entry, candidate) === null);
    const message = checkSetting(entry, value);
    if (message !== null) {
      const culprit =
        node.kind === 'list' ? node.items.find((item) => checkSetting(entry, [toValue(item)]) !== null) : null;
      this.#report((culprit ?? node).at, key, message);
      return;
    }
    this.found.values.set(key, value as Setting);
    this.found.positions.set(key, node.at);
  }

  #notAGroup(node: SourceNode, schema: TObject, name: string): string {
    const known = Object.keys(schema.properties).join(', ');
    const what = node.kind === 'list' ? 'a list' : show(node.kind === 'scalar' ? node.value : null);
    return `${name === '' ? 'the configuration' : name} is ${what}, but must be a group of keys: ${known}.`;
  }

  #report(at: Position, key: string | null, message: string): void {
    this.found.problems.push({ source: this.#file, at, key, message });
  }
}

function toValue(node: SourceNode, isAccepted: (value: unknown) => boolean = () => true): unknown {
  if (node.kind === 'group') return Object.fromEntries(node.entries.map(({ name }) => [name, null]));
  if (node.kind === 'list') return node.items.map((item) => toValue(item));
  const isNumberForText = typeof node.value === 'number' && !isAccepted(node.value) && isAccepted(node.text);
  if (isNumberForText) return node.text;
  // JSON knows no -0, and a value must survive rendering unchanged.
  return node.value === 0 ? 0 : node.value;
}

/** Names the key and the nearest known one: first among its neighbours, then in the other groups. */
function unknownKey(key: string, name: string, schema: TObject, prefix: string): string {
  const known = Object.keys(schema.properties);
  const near = nearest(name, known);
  const shown = show(key).slice(1, -1);
  if (near?.isClose) return `unknown key ${shown}. Did you mean ${prefix}${near.word}?`;
  const elsewhere = [...KEY_BY_NAME.keys()].find((candidate) => candidate.endsWith(`.${name}`));
  if (elsewhere !== undefined) return `unknown key ${shown}. Did you mean ${elsewhere}?`;
  return `unknown key ${shown}. The nearest known key is ${prefix}${near?.word}; known here: ${known.join(', ')}.`;
}
