import { resolve } from 'node:path';
import { messageOf } from '../core/errors.ts';
import { DEFAULTS, isSameSetting, type Setting, toConfig } from './keys.ts';
import { ConfigError, type Position, type Problem } from './problems.ts';
import { parseYaml } from './render.ts';
import { RENDERED_KEY, type RenderedNote, readNote, version16 } from './rendered.ts';
import { readSettings } from './settings.ts';
import { decodeSource, positionOf } from './source.ts';

/** One configuration file, read and checked key by key; contradictions between keys are found later. */
export interface ConfigDocument {
  readonly path: string;
  readonly text: string;
  readonly values: ReadonlyMap<string, Setting>;
  readonly positions: ReadonlyMap<string, Position>;
  /** Dotted key → `yaml:/path:line` or `json:/path`, for keys that are not at their built-in default. */
  readonly origins: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
  /** The YAML behind it: itself, or what a rendered JSON was made from. */
  readonly yamlPath: string | null;
  /** How a rendered JSON came about. */
  readonly note: RenderedNote | null;
  readonly warnings: readonly string[];
}

/** Reads `.json` as JSON and everything else as YAML. Throws ConfigError only when the file cannot be parsed at all. */
export function readDocument(path: string, bytes: Uint8Array): ConfigDocument {
  const text = decodeSource(bytes, path);
  return path.endsWith('.json') ? readJson(path, text) : readYaml(path, text);
}

function readYaml(path: string, text: string): ConfigDocument {
  const found = readSettings(parseYaml(text, path), path);
  const yamlPath = resolve(path);
  const origins = new Map([...found.positions].map(([key, at]) => [key, `yaml:${yamlPath}:${at.line}`]));
  return { path, text, ...found, origins, yamlPath, note: null, warnings: [] };
}

function readJson(path: string, text: string): ConfigDocument {
  const note = readNote(parseJson(path, text));
  // JSON is YAML too: the second parse is for lines and columns, and finds keys that are set twice.
  const found = readSettings(parseYaml(text, path), path, [RENDERED_KEY]);
  const warnings: string[] = [];
  if (note === 'invalid') warnings.push(`${path}: ${RENDERED_KEY} is damaged and was ignored. ${RENDER_AGAIN}`);
  const whole = note === 'invalid' ? null : note;
  const isAsRendered = whole !== null && found.problems.length === 0 && isUnedited(found.values, whole);
  if (whole !== null && found.problems.length === 0 && !isAsRendered) {
    warnings.push(`${path}: not as it was rendered (edited by hand, or made by another version). ${RENDER_AGAIN}`);
  }
  const origins = toOrigins(path, found.values, isAsRendered ? whole : null);
  return { path, text, ...found, origins, yamlPath: whole?.yaml ?? null, note: whole, warnings };
}

const RENDER_AGAIN = 'Run "hailo-tcn-sidecar config render" to make it again.';

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const at = positionOf(text, brokenAt(text));
    const reason = messageOf(cause).replace(/( in JSON at position |, (\.\.\.)?").*$/s, '');
    throw new ConfigError([{ source: path, at, key: null, message: `not valid JSON: ${reason}. ${RENDER_AGAIN}` }]);
  }
}

/** The offset of the first character that no continuation could mend. JSON.parse tells it for some errors only. */
function brokenAt(text: string): number {
  let [mendable, broken] = [0, text.length + 1];
  while (broken - mendable > 1) {
    const middle = (mendable + broken) >> 1;
    if (isMendable(text.slice(0, middle))) mendable = middle;
    else broken = middle;
  }
  return mendable;
}

function isMendable(prefix: string): boolean {
  try {
    JSON.parse(prefix);
    return true;
  } catch (cause) {
    const message = messageOf(cause);
    return /end of JSON|Unterminated/.test(message) || message.includes(`at position ${prefix.length} `);
  }
}

function isUnedited(values: ReadonlyMap<string, Setting>, note: RenderedNote): boolean {
  return version16(toConfig(values)) === note.config_version;
}

/** A rendered JSON holds every key, so only its note tells what came from the admin's file. */
function toOrigins(path: string, values: ReadonlyMap<string, Setting>, note: RenderedNote | null): Map<string, string> {
  const origins = new Map<string, string>();
  for (const [key, value] of values) {
    const line = note?.from_yaml[key];
    if (line !== undefined) origins.set(key, `yaml:${note?.yaml ?? '-'}:${line}`);
    else if (!isSameSetting(value, DEFAULTS.get(key))) origins.set(key, `json:${resolve(path)}`);
  }
  return origins;
}
