import { statSync } from 'node:fs';
import type { VerifiedArtefact } from '../core/backend.ts';
import { messageOf, SidecarError } from '../core/errors.ts';
import { type Golden, GoldenSchema, type Manifest, type MotifHead } from '../core/manifest.ts';
import { rowsOf } from '../core/motif-head.ts';
import { sizeOf } from '../core/tensor.ts';
import { fileOf, MAX_BYTES, readBytes, readJson, readText, requireDigest } from './bundle-files.ts';
import { readHead } from './head.ts';
import { verifyHef } from './hef.ts';
import { type ParseYaml, parseManifest } from './manifest.ts';

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

/**
 * Reads and verifies a bundle. Throws MODEL_MISSING (nothing there), MODEL_INVALID (a file is missing, is not what the
 * manifest says, or contradicts it).
 */
export async function loadBundle(directory: string, options: BundleOptions): Promise<Bundle> {
  requireDirectory(directory);
  const manifestFile = fileOf(directory, 'manifest.yaml');
  const manifest = parseManifest(readText(manifestFile), manifestFile, options.parseYaml);
  const hefPath = options.hefPath ?? null;
  requirePlaceFor(hefPath, manifest, manifestFile);
  return {
    directory,
    manifest,
    artefacts: await Promise.all(manifest.artefacts.map((artefact) => verify(directory, artefact, hefPath))),
    head: readHead(directory, manifest),
    golden: readGolden(fileOf(directory, manifest.golden), manifest),
  };
}

/** The bundle's artefact of a kind, or null. */
export function artefactOf(bundle: Bundle, kind: 'onnx' | 'hef'): VerifiedArtefact | null {
  return bundle.artefacts.find((artefact) => artefact.kind === kind) ?? null;
}

/** How many scores the model or its head gives; null when it has none of its own. */
export function motifCount({ manifest, head }: Pick<Bundle, 'manifest' | 'head'>): number | null {
  return manifest.outputs.motif_scores?.shape.at(-1) ?? (head && rowsOf(head).length);
}

/** A .hef that was asked for and would not be used must be said, not ignored. */
function requirePlaceFor(hefPath: string | null, manifest: Manifest, manifestFile: string): void {
  if (hefPath === null || manifest.artefacts.some(({ kind }) => kind === 'hef')) return;
  throw new SidecarError(
    'MODEL_INVALID',
    `model.hef_path (HEF_PATH) names ${hefPath}, but ${manifestFile} describes no .hef to check it against: make the bundle with "model create --hef", or unset the path.`,
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
  if (isDirectory(directory)) return;
  if (/^[^/]+@[^/]+$/.test(directory)) {
    throw new SidecarError(
      'MODEL_MISSING',
      `${directory} is neither a bundle directory nor a model of the store, whose names are of a-z 0-9 . _ - and versions of A-Z a-z 0-9 . _ -: "hailo-tcn-sidecar model list" shows what is there.`,
    );
  }
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
    throw new SidecarError(
      'MODEL_MISSING',
      `The model bundle ${path} cannot be reached: ${messageOf(cause)}; the service sees nothing below /home.`,
      {
        cause,
      },
    );
  }
}

async function verifyFile(path: string, { kind, sha256 }: Manifest['artefacts'][number]): Promise<void> {
  const bytes = readBytes(path, MAX_BYTES);
  if (kind === 'hef') await verifyHef(bytes, path);
  requireDigest(bytes, sha256, path);
}

/** The file is not one of the bundle: the setting that names it is what has to be corrected. */
function namingKey(thrown: unknown): SidecarError {
  return new SidecarError('MODEL_INVALID', `model.hef_path (HEF_PATH): ${messageOf(thrown)}`, { cause: thrown });
}

async function verify(
  directory: string,
  artefact: Manifest['artefacts'][number],
  hefPath: string | null,
): Promise<VerifiedArtefact> {
  const path = artefact.kind === 'hef' && hefPath !== null ? hefPath : fileOf(directory, artefact.file);
  await verifyFile(path, artefact).catch((thrown) => {
    throw path === hefPath ? namingKey(thrown) : thrown;
  });
  const { kind, sha256, input_layout: inputLayout = null, vstreams = {}, expected_device_ms: expected } = artefact;
  return { kind, path, sha256, inputLayout, vstreams, expectedDeviceMs: expected ?? null };
}
