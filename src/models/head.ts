import { SidecarError } from '../core/errors.ts';
import { type Manifest, type MotifHead, MotifHeadSchema } from '../core/manifest.ts';
import { headFaults } from '../core/motif-head.ts';
import { fileOf, MAX_TEXT_BYTES, readBytes, readJson, requireDigest } from './bundle-files.ts';

/** The motif head that the manifest names, or null. Throws MODEL_INVALID when it is another or does not fit the model. */
export function readHead(directory: string, manifest: Manifest): MotifHead | null {
  const { head, labels } = manifest.motifs;
  if (head === null || head === 'output') return null;
  const file = fileOf(directory, head.file);
  if (head.sha256 !== undefined) requireDigest(readBytes(file, MAX_TEXT_BYTES), head.sha256, file);
  const found = readFittingHead(file, manifest.outputs.latent.shape.at(-1) ?? 0, labels);
  if (found.kind === head.kind) return found;
  throw new SidecarError(
    'MODEL_INVALID',
    `The motif head ${file} is of kind ${found.kind}, the manifest says ${head.kind}.`,
  );
}

/** A head file that fits the latent and, where there are any, the manifest's labels. Throws MODEL_INVALID. */
export function readFittingHead(file: string, latents: number, labels: readonly string[] = []): MotifHead {
  const head = readJson<MotifHead>(file, MotifHeadSchema);
  const faults = headFaults(head, latents, labels);
  if (faults.length === 0) return head;
  throw new SidecarError('MODEL_INVALID', `The motif head ${file} does not fit the model: ${faults.join(' ')}`);
}
