import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { VerifiedArtefact } from '../core/backend.ts';
import { messageOf, SidecarError } from '../core/errors.ts';
import { type Golden, GoldenSchema, type Manifest, type MotifHead, MotifHeadSchema } from '../core/manifest.ts';
import { checkData, type ParseYaml, parseManifest } from './manifest.ts';

/** A bundle directory whose files were read and verified; nothing of it has run yet. */
export interface Bundle {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly artefacts: readonly VerifiedArtefact[];
  readonly head: MotifHead | null;
  readonly golden: Golden;
}

export interface BundleOptions {
  readonly parseYaml: ParseYaml;
  /** A .hef to use in place of the bundle's own; its digest must still be the manifest's. */
  readonly hefPath?: string | null;
}

const MAX_BYTES = 512 << 20;
const MAX_TEXT_BYTES = 16 << 20;
const HEF_MAGIC = 0x01484546;

/**
 * Reads and verifies a bundle. Throws MODEL_MISSING (nothing there), MODEL_INVALID (a file is missing, is not what the
 * manifest says, or contradicts it).
 */
export function loadBundle(directory: string, options: BundleOptions): Bundle {
  requireDirectory(directory);
  const manifestFile = join(directory, 'manifest.yaml');
  const manifest = parseManifest(readText(manifestFile), manifestFile, options.parseYaml);
  const golden = readJson<Golden>(join(directory, manifest.golden), GoldenSchema);
  return {
    directory,
    manifest,
    artefacts: manifest.artefacts.map((artefact) => verify(directory, artefact, options.hefPath ?? null)),
    head: readHead(directory, manifest),
    golden,
  };
}

/** The bundle's artefact of a kind, or null. */
export function artefactOf(bundle: Bundle, kind: 'onnx' | 'hef'): VerifiedArtefact | null {
  return bundle.artefacts.find((artefact) => artefact.kind === kind) ?? null;
}

function requireDirectory(directory: string): void {
  if (/^[^/]+@[^/]+$/.test(directory)) {
    throw new SidecarError(
      'MODEL_MISSING',
      `model.bundle is ${directory}, but there is no model store in this version: name a bundle directory.`,
    );
  }
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new SidecarError(
    'MODEL_MISSING',
    `There is no model bundle at ${directory}: set model.bundle (MODEL_BUNDLE) to a bundle directory, or make one with "hailo-tcn-sidecar model create".`,
  );
}

function verify(directory: string, artefact: Manifest['artefacts'][number], hefPath: string | null): VerifiedArtefact {
  const path = artefact.kind === 'hef' && hefPath !== null ? hefPath : join(directory, artefact.file);
  const bytes = readBytes(path, MAX_BYTES);
  if (artefact.kind === 'hef') requireHef(bytes, path);
  requireDigest(bytes, artefact.sha256, path);
  return { kind: artefact.kind, path, sha256: artefact.sha256 };
}

/** The "HEF" files that circulated with the first sidecar were text. */
function requireHef(bytes: Buffer, path: string): void {
  if (bytes.length >= 4 && bytes.readUInt32BE(0) === HEF_MAGIC) return;
  throw new SidecarError(
    'MODEL_INVALID',
    `${path} is not a Hailo executable: it does not begin with 01 48 45 46. Compile the model with Hailo's compiler, or take the artefact out of the manifest.`,
  );
}

function requireDigest(bytes: Buffer, expected: string, path: string): void {
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found === expected) return;
  throw new SidecarError(
    'MODEL_INVALID',
    `${path} is not the file that the manifest describes: sha256 is ${found.slice(0, 16)}…, expected ${expected.slice(0, 16)}…. Copy the bundle again.`,
  );
}

function readHead(directory: string, manifest: Manifest): MotifHead | null {
  const { head } = manifest.motifs;
  if (head === null || head === 'output') return null;
  const file = join(directory, head.file);
  if (head.sha256 !== undefined) requireDigest(readBytes(file, MAX_TEXT_BYTES), head.sha256, file);
  return checkHead(readJson<MotifHead>(file, MotifHeadSchema), manifest.outputs.latent.shape.at(-1) ?? 0, file);
}

/** A head whose sizes agree with each other and with the latent. Throws MODEL_INVALID. */
export function checkHead(head: MotifHead, latentSize: number, file: string): MotifHead {
  const rows = head.kind === 'prototypes' ? head.prototypes : head.weights;
  const count = rows.length;
  const problem =
    (rows.some((row) => row.length !== latentSize) && `its rows must have ${latentSize} numbers, as the latent has`) ||
    (head.kind === 'dense' &&
      head.bias.length !== count &&
      `it has ${count} rows of weights but ${head.bias.length} biases`) ||
    (head.labels.length > 0 &&
      head.labels.length !== count &&
      `it has ${count} motifs but ${head.labels.length} labels`);
  if (!problem) return head;
  throw new SidecarError('MODEL_INVALID', `The motif head ${file} does not fit the model: ${problem}.`);
}

/** A JSON file against its schema. Throws MODEL_INVALID. */
export function readJson<T>(file: string, schema: Parameters<typeof checkData>[0]): T {
  let data: unknown;
  try {
    data = JSON.parse(readText(file));
  } catch (cause) {
    if (cause instanceof SidecarError) throw cause;
    throw new SidecarError('MODEL_INVALID', `${file} is not JSON: ${messageOf(cause)}.`, { cause });
  }
  return checkData<T>(schema, data, file);
}

function readText(file: string): string {
  return readBytes(file, MAX_TEXT_BYTES).toString('utf8');
}

/** A regular file of bounded size. Throws MODEL_INVALID. */
export function readBytes(file: string, maxBytes: number): Buffer {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new Error('it is no regular file');
    if (stat.size > maxBytes) throw new Error(`it has ${stat.size} bytes, more than ${maxBytes}`);
    return readFileSync(descriptor);
  } catch (cause) {
    throw new SidecarError('MODEL_INVALID', `${file} cannot be read: ${messageOf(cause)}. Copy the bundle again.`, {
      cause,
    });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
