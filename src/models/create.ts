import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { Backend } from '../core/backend.ts';
import { messageOf, SidecarError } from '../core/errors.ts';
import { type Golden, type Manifest, ManifestSchema, type MotifHead } from '../core/manifest.ts';
import type { TensorSpec, Tensors } from '../core/tensor.ts';
import { type Bundle, loadBundle } from './bundle.ts';
import { MAX_BYTES, readBytes } from './bundle-files.ts';
import { goldenWindows } from './golden-windows.ts';
import { readFittingHead } from './head.ts';
import { verifyHef } from './hef.ts';
import { checkData, type ParseYaml } from './manifest.ts';
import { readModelConfig } from './model-config.ts';
import { toSource } from './open.ts';
import { besides, publish, requireFree } from './publish.ts';

/** What a graph takes and gives; the CPU backend reads it out of the file. */
export interface Graph {
  readonly inputs: readonly { readonly name: string; readonly shape: readonly (number | string)[] }[];
  readonly outputs: readonly { readonly name: string; readonly shape: readonly (number | string)[] }[];
}

export interface CreateOptions {
  readonly onnx: string;
  /** The model_config.json of the export. */
  readonly config: string;
  readonly hef: string | null;
  readonly motifs: string | null;
  readonly out: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly replace: boolean;
}

export interface CreateParts {
  readonly backend: Backend;
  inspect(onnx: Uint8Array): Promise<Graph>;
  prepare(manifest: Manifest): (raw: Float32Array) => Float32Array;
  checkManifest(manifest: Manifest, head: MotifHead | null): readonly string[];
  readonly parseYaml: ParseYaml;
  toYaml(data: unknown): string;
}

const RUNTIME = 'onnxruntime on the CPU, 1 intra-op thread';

/**
 * Makes a bundle from an ONNX file and its model_config.json: runs the model to write the golden windows. The bundle
 * appears at `out` whole or not at all. Throws MODEL_INVALID, USAGE (`out` exists; a bad name or version) or UNAVAILABLE
 * (it cannot be written).
 */
export async function createBundle(options: CreateOptions, parts: CreateParts): Promise<Bundle> {
  requireName('--name', options.name, ManifestSchema.properties.name);
  requireName('--bundle-version', options.version, ManifestSchema.properties.version);
  const out = resolve(options.out);
  requireFree(out, options.replace);
  const staging = besides(out, 'tmp');
  try {
    mkdirSync(staging); // not recursive: below /proc that never returns
    const manifest = await describe(options, parts);
    stage(options, staging, manifest, parts);
    await writeGolden(staging, manifest, parts);
    const bundle = await loadBundle(staging, parts);
    publish(staging, out);
    return {
      ...bundle,
      directory: options.out,
      artefacts: bundle.artefacts.map((artefact) => ({ ...artefact, path: join(out, basename(artefact.path)) })),
    };
  } catch (thrown) {
    rmSync(staging, { recursive: true, force: true });
    if (thrown instanceof SidecarError) throw thrown;
    throw new SidecarError('UNAVAILABLE', `The bundle cannot be written to ${options.out}: ${messageOf(thrown)}.`, {
      cause: thrown,
    });
  }
}

function requireName(option: string, value: string | null, schema: TSchema): void {
  if (value === null || Value.Check(schema, value)) return;
  const rule = 'up to 64 letters, digits, dots, dashes and underscores, a letter or digit first; a name in lower case';
  throw new SidecarError('USAGE', `${option} "${value}" cannot be used: it takes ${rule}.`);
}

/** The manifest of what was given; throws MODEL_INVALID when the task could not serve it. */
async function describe(options: CreateOptions, parts: CreateParts): Promise<Manifest> {
  const onnx = readBytes(options.onnx, MAX_BYTES);
  const graph = await parts.inspect(onnx);
  const facts = readModelConfig(options.config);
  const outputs = toOutputs(graph, options.onnx);
  requireOneSource(options, outputs);
  const head = options.motifs === null ? null : readFittingHead(options.motifs, outputs.latent.shape.at(-1) ?? 0);
  const manifest: Manifest = {
    name: options.name ?? facts.name,
    version: options.version ?? facts.version,
    task: 'tcn',
    description: `Made by "model create" from ${basename(options.onnx)}.`,
    accuracy: facts.accuracy,
    input: { ...toInput(graph, options.onnx), ...facts.input },
    normalisation: facts.normalisation,
    outputs,
    motifs: toMotifs(outputs.motif_scores, head, options.motifs),
    artefacts: await toArtefacts(options, onnx),
    golden: 'golden.json',
    licence: 'not stated',
  };
  const problems = parts.checkManifest(manifest, head);
  if (problems.length > 0) throw new SidecarError('MODEL_INVALID', `The model cannot be served: ${problems.join(' ')}`);
  return checkData<Manifest>(ManifestSchema, manifest, options.config);
}

function toInput(graph: Graph, file: string): TensorSpec & { shape: number[] } {
  const [input] = graph.inputs;
  if (input === undefined || graph.inputs.length > 1) {
    throw new SidecarError('MODEL_INVALID', `${file} has ${graph.inputs.length} inputs; a window model has one.`);
  }
  return toSpec(input);
}

/** The latent is the output that is called so, or the only one; scores are the output named motif_scores. */
function toOutputs(graph: Graph, file: string): Manifest['outputs'] {
  const scores = graph.outputs.find(({ name }) => name === 'motif_scores');
  const others = graph.outputs.filter((output) => output !== scores);
  const latent = others.find(({ name }) => /latent|embed/.test(name)) ?? others[0];
  if (latent === undefined) throw new SidecarError('MODEL_INVALID', `${file} has no output that could be the latent.`);
  return { latent: toSpec(latent), motif_scores: scores === undefined ? null : toSpec(scores) };
}

/** A dimension that the graph leaves open is the batch, and that is one. */
function toSpec({ name, shape }: Graph['inputs'][number]): { name: string; shape: number[] } {
  return { name, shape: shape.map((side) => (typeof side === 'number' && side > 0 ? side : 1)) };
}

function requireOneSource({ motifs, onnx }: CreateOptions, outputs: Manifest['outputs']): void {
  if (motifs === null || outputs.motif_scores === null) return;
  throw new SidecarError(
    'USAGE',
    `${onnx} has motif_scores of its own, so --motifs ${motifs} would be ignored: leave it out.`,
  );
}

function toMotifs(scores: TensorSpec | null, head: MotifHead | null, file: string | null): Manifest['motifs'] {
  if (scores !== null) return { labels: [], head: 'output' };
  if (head === null || file === null) return { labels: [], head: null };
  const source = `${basename(file)}, version ${head.version}`;
  return {
    labels: head.labels,
    head: { kind: head.kind, file: 'head.json', sha256: digest(readBytes(file, MAX_BYTES)), source },
  };
}

async function toArtefacts(options: CreateOptions, onnx: Buffer): Promise<Manifest['artefacts']> {
  const artefacts: Manifest['artefacts'] = [
    { file: 'model.onnx', kind: 'onnx', sha256: digest(onnx), tolerance: { cosine: 0.999999 } },
  ];
  if (options.hef !== null) {
    const hef = readBytes(options.hef, MAX_BYTES);
    await verifyHef(hef, options.hef);
    artefacts.push({ file: 'model.hef', kind: 'hef', sha256: digest(hef), tolerance: { cosine: 0.99 } });
  }
  return artefacts;
}

function stage(options: CreateOptions, directory: string, manifest: Manifest, parts: CreateParts): void {
  copyFileSync(options.onnx, join(directory, 'model.onnx'));
  if (options.hef !== null) copyFileSync(options.hef, join(directory, 'model.hef'));
  if (manifest.motifs.head !== 'output' && manifest.motifs.head !== null && options.motifs !== null) {
    copyFileSync(options.motifs, join(directory, manifest.motifs.head.file));
  }
  writeFileSync(join(directory, 'manifest.yaml'), parts.toYaml(manifest));
}

async function writeGolden(directory: string, manifest: Manifest, parts: CreateParts): Promise<void> {
  const golden: Golden = { format: 1, runtime: RUNTIME, tolerance: { cosine: 0.999999, abs: 2e-4 }, windows: [] };
  const artefacts = [
    { kind: 'onnx' as const, path: join(directory, 'model.onnx'), sha256: manifest.artefacts[0]!.sha256 },
  ];
  const model = await parts.backend.load(toSource({ manifest, artefacts }));
  try {
    const prepare = parts.prepare(manifest);
    for (const { name, x } of goldenWindows()) {
      const { outputs } = await model.run(prepare(Float32Array.from(x.flat())));
      const { latent, motif_scores: scores } = manifest.outputs;
      golden.windows.push({
        name,
        x,
        latent: toFinite(outputs, latent.name, name),
        motif_scores: scores === null ? null : toFinite(outputs, scores.name, name),
      });
    }
  } finally {
    await model.close();
  }
  writeFileSync(join(directory, manifest.golden), JSON.stringify(golden));
}

function toFinite(outputs: Tensors, output: string, window: string): number[] {
  const values = [...outputs[output]!];
  const bad = values.find((value) => !Number.isFinite(value));
  if (bad === undefined) return values;
  throw new SidecarError(
    'MODEL_INVALID',
    `The model gives ${bad} in ${output} for the window "${window}": it is broken, or its mean and std in --config are not its own.`,
  );
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
