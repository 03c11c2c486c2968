import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import type { VerifiedArtefact } from '../core/backend.ts';
import { messageOf, SidecarError } from '../core/errors.ts';
import { type Golden, GoldenSchema, type Manifest, type MotifHead, MotifHeadSchema } from '../core/manifest.ts';
import { sizeOf } from '../core/tensor.ts';
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
  const hefPath = options.hefPath ?? null;
  requirePlaceFor(hefPath, manifest, manifestFile);
  return {
    directory,
    manifest,
    artefacts: manifest.artefacts.map((artefact) => verify(directory, artefact, hefPath)),
    head: readHead(directory, manifest),
    golden: readGolden(fileOf(directory, manifest.golden), manifest),
  };
}

/** The bundle's artefact of a kind, or null. */
export function artefactOf(bundle: Bundle, kind: 'onnx' | 'hef'): VerifiedArtefact | null {
  return bundle.artefacts.find((artefact) => artefact.kind === kind) ?? null;
}

/** A .hef that was asked for and would not be used must be said, not ignored. */
function requirePlaceFor(hefPath: string | null, manifest: Manifest, manifestFile: string): void {
  if (hefPath === null || manifest.artefacts.some(({ kind }) => kind === 'hef')) return;
  throw new SidecarError(
    'MODEL_INVALID',
    `model.hef_path (HEF_PATH) names ${hefPath}, but ${manifestFile} describes no .hef to check it against: make the bundle with "model create --hef", or unset the path.`,
  );
}

/** A file of the bundle; a link that leads out of it is refused, because then the bundle is not what was checked. */
function fileOf(directory: string, name: string): string {
  const file = join(directory, name);
  let target: string;
  try {
    target = realpathSync(file);
  } catch {
    return file; // whoever reads it says what is wrong
  }
  if (target.startsWith(realpathSync(directory) + sep)) return file;
  throw new SidecarError(
    'MODEL_INVALID',
    `${file} is a link to ${target}, outside of the bundle: copy the file into it.`,
  );
}

/** Golden windows of the size that the model takes, with outputs of the size that it gives. */
function readGolden(file: string, manifest: Manifest): Golden {
  const golden = readJson<Golden>(file, GoldenSchema);
  const { latent, motif_scores: scores } = manifest.outputs;
  for (const { name, x, ...outputs } of golden.windows) {
    requireSize(file, `x of "${name}"`, x.flat().length, sizeOf(manifest.input));
    requireSize(file, `latent of "${name}"`, outputs.latent.length, sizeOf(latent));
    if (outputs.motif_scores === null) continue;
    requireSize(file, `motif_scores of "${name}"`, outputs.motif_scores.length, scores === null ? 0 : sizeOf(scores));
  }
  return golden;
}

function requireSize(file: string, what: string, found: number, expected: number): void {
  if (found === expected) return;
  throw new SidecarError(
    'MODEL_INVALID',
    `${file}: ${what} has ${found} numbers, the manifest says ${expected}. Make the bundle again with "model create".`,
  );
}

function requireDirectory(directory: string): void {
  if (/^[^/]+@[^/]+$/.test(directory)) {
    throw new SidecarError(
      'MODEL_MISSING',
      `model.bundle is ${directory}, but there is no model store in this version: name a bundle directory.`,
    );
  }
  if (isDirectory(directory)) return;
  throw new SidecarError(
    'MODEL_MISSING',
    `There is no model bundle at ${directory}: set model.bundle (MODEL_BUNDLE) to a bundle directory, or make one with "hailo-tcn-sidecar model create".`,
  );
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw new SidecarError('MODEL_MISSING', `The model bundle ${path} cannot be reached: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

function verify(directory: string, artefact: Manifest['artefacts'][number], hefPath: string | null): VerifiedArtefact {
  const path = artefact.kind === 'hef' && hefPath !== null ? hefPath : fileOf(directory, artefact.file);
  const bytes = readBytes(path, MAX_BYTES);
  if (artefact.kind === 'hef') requireHef(bytes, path);
  requireDigest(bytes, artefact.sha256, path);
  return { kind: artefact.kind, path, sha256: artefact.sha256 };
}

/** The "HEF" files that circulated with the first sidecar were text. */
export function requireHef(bytes: Buffer, path: string): void {
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
  const file = fileOf(directory, head.file);
  if (head.sha256 !== undefined) requireDigest(readBytes(file, MAX_TEXT_BYTES), head.sha256, file);
  const found = checkHead(readJson<MotifHead>(file, MotifHeadSchema), manifest.outputs.latent.shape.at(-1) ?? 0, file);
  requireSameHead(found, manifest, file);
  return found;
}

/** The manifest says what the head is: its kind and, where it names them, its motifs. */
function requireSameHead(found: MotifHead, { motifs }: Manifest, file: string): void {
  const { head, labels } = motifs;
  const kind = head !== null && head !== 'output' ? head.kind : found.kind;
  const count = rowsOf(found).length;
  const problem =
    (found.kind !== kind && `it is of kind ${found.kind}, the manifest says ${kind}`) ||
    (labels.length > 0 && labels.length !== count && `it has ${count} motifs, the manifest names ${labels.length}`);
  if (problem) throw new SidecarError('MODEL_INVALID', `The motif head ${file} is not the manifest's: ${problem}.`);
}

function rowsOf(head: MotifHead): readonly (readonly number[])[] {
  return head.kind === 'prototypes' ? head.prototypes : head.weights;
}

/** A head whose sizes agree with each other and with the latent. Throws MODEL_INVALID. */
export function checkHead(head: MotifHead, latentSize: number, file: string): MotifHead {
  const rows = rowsOf(head);
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
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK); // opening a pipe would wait for a writer
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
