import { createHash } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { type Settings, toConfig, toSettings } from './keys.ts';
import type { Position } from './problems.ts';
import type { Config } from './schema.ts';

/** The key of a rendered JSON that tells how it came about. */
export const RENDERED_KEY = '$rendered';

/** No times and no host names: the same YAML gives the same bytes. */
const RenderedNoteSchema = Type.Object({
  note: Type.String(),
  /** Program and version that rendered, when known. */
  program: Type.Union([Type.Null(), Type.String()]),
  /** Absolute path of the YAML; null when it came through a pipe. */
  yaml: Type.Union([Type.Null(), Type.String()]),
  yaml_sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  /** First 16 hex digits of the sha256 of the configuration below; differs after an edit by hand. */
  config_version: Type.String({ pattern: '^[0-9a-f]{16}$' }),
  /** Dotted key → line of the YAML, for the keys that the YAML sets; all others are defaults. */
  from_yaml: Type.Record(Type.String(), Type.Integer({ minimum: 1 })),
});
export type RenderedNote = Static<typeof RenderedNoteSchema>;

export interface RenderInput {
  readonly settings: Settings;
  readonly positions: ReadonlyMap<string, Position>;
  readonly yamlPath: string | null;
  readonly yamlText: string;
  readonly program: string | null;
}

/** The JSON that the daemon reads: the complete configuration, defaults visible, keys in schema order. */
export function toRenderedJson(input: RenderInput): string {
  const config = toConfig(input.settings);
  const note: RenderedNote = {
    note: 'Made by "hailo-tcn-sidecar config render". Edit the YAML, not this file.',
    program: input.program,
    yaml: input.yamlPath,
    yaml_sha256: sha256(input.yamlText),
    config_version: version16(config),
    from_yaml: toLineTable(config, input.positions),
  };
  return `${JSON.stringify({ [RENDERED_KEY]: note, ...config }, null, 2)}\n`;
}

/** The note of a parsed JSON; null when there is none, 'invalid' when somebody damaged it. */
export function readNote(json: unknown): RenderedNote | null | 'invalid' {
  if (typeof json !== 'object' || json === null || !Object.hasOwn(json, RENDERED_KEY)) return null;
  const note = (json as Record<string, unknown>)[RENDERED_KEY];
  return Value.Check(RenderedNoteSchema, note) ? note : 'invalid';
}

/** First 16 hex digits of the sha256 over the configuration as compact JSON in schema order. */
export function version16(config: Config): string {
  return sha256(JSON.stringify(toConfig(toSettings(config)))).slice(0, 16);
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function toLineTable(config: Config, positions: ReadonlyMap<string, Position>): Record<string, number> {
  const table: Record<string, number> = {};
  for (const key of toSettings(config).keys()) {
    const at = positions.get(key);
    if (at !== undefined) table[key] = at.line;
  }
  return table;
}
