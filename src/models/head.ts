import { SidecarError } from '../core/errors.ts';
import { type Manifest, type MotifHead, MotifHeadSchema } from '../core/manifest.ts';
import { fileOf, MAX_TEXT_BYTES, readBytes, readJson, requireDigest } from './bundle-files.ts';

/** The motif head that the manifest names, or null. Throws MODEL_INVALID when it is another or does not fit the model. */
export function readHead(directory: string, manifest: Manifest): MotifHead | null {
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
