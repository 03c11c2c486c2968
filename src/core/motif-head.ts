import type { Manifest, MotifHead } from './manifest.ts';

/** One row per motif: a prototype, or the weights of a dense layer. */
export function rowsOf(head: MotifHead): readonly (readonly number[])[] {
  return head.kind === 'dense' ? head.weights : head.prototypes;
}

/**
 * Contradictions between a head and the model it came with, one sentence each; empty when it fits.
 *
 * @param latents size of the model's latent
 * @param labels of the manifest; empty when it names none
 */
export function headFaults(head: MotifHead, latents: number, labels: readonly string[]): readonly string[] {
  const rows = rowsOf(head);
  const faults: string[] = [];
  const row = rows.findIndex((weights) => weights.length !== latents);
  if (row >= 0) faults.push(`Row ${row} has ${rows[row]!.length} numbers, the latent has ${latents}.`);
  if (head.labels.length > 0 && head.labels.length !== rows.length) {
    faults.push(`It has ${head.labels.length} labels for ${rows.length} rows.`);
  }
  if (head.kind === 'dense' && head.bias.length !== rows.length) {
    faults.push(`It has ${head.bias.length} biases for ${rows.length} rows.`);
  }
  if (labels.length > 0 && labels.length !== rows.length) {
    faults.push(`It makes ${rows.length} scores, the manifest has ${labels.length} labels.`);
  }
  return faults;
}

/** Names of a model's motifs, in the order of its scores; empty when it has none. */
export function motifLabels({ motifs }: Pick<Manifest, 'motifs'>, head: MotifHead | null): readonly string[] {
  return motifs.labels.length > 0 ? motifs.labels : (head?.labels ?? []);
}
