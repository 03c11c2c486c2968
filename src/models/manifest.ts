import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { messageOf, SidecarError } from '../core/errors.ts';
import { type Manifest, ManifestSchema } from '../core/manifest.ts';

/** YAML text → plain data; handed in, because yaml has its one importer elsewhere. */
export type ParseYaml = (text: string, file: string) => unknown;

const MAX_SHOWN = 5;

/**
 * manifest.yaml as checked data. Throws MODEL_INVALID with every key that is wrong, and how.
 */
export function parseManifest(text: string, file: string, parseYaml: ParseYaml): Manifest {
  let data: unknown;
  try {
    data = parseYaml(text, file);
  } catch (cause) {
    throw new SidecarError('MODEL_INVALID', `${file} is not readable as YAML: ${messageOf(cause)}`, { cause });
  }
  const manifest = checkData<Manifest>(ManifestSchema, data, file);
  const contradictions = listContradictions(manifest);
  if (contradictions.length > 0) throw new SidecarError('MODEL_INVALID', `${file}: ${contradictions.join(' ')}`);
  return manifest;
}

/** Compiling takes milliseconds that a model which is loaded beside the traffic would take from it. */
const validators = new WeakMap<TSchema, ReturnType<typeof Compile>>();

/** Data against a schema. Throws MODEL_INVALID naming the file and the keys that are wrong. */
export function checkData<T>(schema: TSchema, data: unknown, file: string): T {
  const validator = validators.get(schema) ?? Compile(schema);
  validators.set(schema, validator);
  if (validator.Check(data)) return data as T;
  const problems = [...validator.Errors(data)].map(
    (error) => `${keyOf(error.instancePath)} ${error.message}${unknownKeys(error.params)}`,
  );
  const shown = [...new Set(problems)].slice(0, MAX_SHOWN).join('; ');
  throw new SidecarError(
    'MODEL_INVALID',
    `${file}: ${shown}. Compare it with the manifest of another bundle, or make the bundle again with "model create".`,
  );
}

function keyOf(pointer: string): string {
  const path = pointer.slice(1).replaceAll('/', '.');
  return path === '' ? 'the document' : path;
}

function unknownKeys(params: object): string {
  const names = (params as { additionalProperties?: readonly string[] }).additionalProperties;
  return names === undefined ? '' : ` (${names.join(', ')})`;
}

/** What the schema cannot say: parts of the manifest that contradict each other, one sentence each. */
function listContradictions(manifest: Manifest): string[] {
  const { outputs, motifs, artefacts } = manifest;
  const found: string[] = [];
  const scores = outputs.motif_scores;
  if (motifs.head === 'output' && scores === null) {
    found.push('motifs.head is "output", but outputs.motif_scores is null.');
  }
  if (scores !== null && motifs.head !== 'output') {
    found.push('outputs.motif_scores is given, so motifs.head must be "output".');
  }
  const count = scores?.shape.at(-1);
  if (count !== undefined && motifs.labels.length > 0 && motifs.labels.length !== count) {
    found.push(`motifs.labels has ${motifs.labels.length} names for ${count} scores.`);
  }
  for (const kind of ['onnx', 'hef'] as const) {
    if (artefacts.filter((artefact) => artefact.kind === kind).length > 1) {
      found.push(`artefacts lists more than one ${kind} file.`);
    }
  }
  return found;
}
