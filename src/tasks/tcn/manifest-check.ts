import type { Manifest, MotifHead } from '../../core/manifest.ts';
import { headFaults } from '../../core/motif-head.ts';
import { sizeOf } from '../../core/tensor.ts';
import { CHANNEL_NAMES, CHANNELS, LATENTS, RATE_HZ, ROWS } from './schema.ts';

const UNITS = ['m/s2', 'm/s2', 'm/s2', 'rad/s', 'rad/s', 'rad/s', 'uT', 'uT', 'uT'];

const isSame = (a: readonly unknown[], b: readonly unknown[]) => a.length === b.length && a.every((v, i) => v === b[i]);
const show = (list: readonly unknown[]) => `[${list.join(', ')}]`;

/**
 * What keeps a manifest from being served as `tcn`, one sentence each.
 * @param head the bundle's head file; without it, only the manifest is judged
 */
export function checkManifest(manifest: Manifest, head: MotifHead | null = null): readonly string[] {
  return [
    ...checkInput(manifest),
    ...checkNormalisation(manifest),
    ...checkOutputs(manifest),
    ...(head === null ? [] : headFaults(head, sizeOf(manifest.outputs.latent), manifest.motifs.labels)),
  ];
}

function checkInput({ input }: Manifest): string[] {
  const rules: readonly (readonly [name: string, found: readonly unknown[], wanted: readonly unknown[]])[] = [
    ['input.shape', input.shape, [1, ROWS, CHANNELS]],
    ['input.channels', input.channels, CHANNEL_NAMES],
    ['input.units', input.units, UNITS],
    ['input.rate_hz', [input.rate_hz], [RATE_HZ]],
  ];
  return rules
    .filter(([, found, wanted]) => !isSame(found, wanted))
    .map(([name, found, wanted]) => `${name} is ${show(found)}; the task tcn needs ${show(wanted)}.`);
}

function checkNormalisation({ normalisation }: Manifest): string[] {
  const { mean, std } = normalisation;
  const faults = Object.entries({ mean, std })
    .filter(([, values]) => values.length !== CHANNELS)
    .map(
      ([name, values]) => `normalisation.${name} has ${values.length} numbers; it needs one per channel, ${CHANNELS}.`,
    );
  if (!std.every((value) => Math.fround(value) > 0))
    faults.push('normalisation.std holds a number that is 0 as float32.');
  if (![...mean, ...std].every((value) => Number.isFinite(Math.fround(value)))) {
    faults.push('normalisation holds a number that does not fit float32.');
  }
  return faults;
}

function checkOutputs({ outputs, motifs, accuracy }: Manifest): string[] {
  const faults: string[] = [];
  const { latent, motif_scores: scores } = outputs;
  if (!isSame(latent.shape, [1, LATENTS])) {
    faults.push(`outputs.latent.shape is ${show(latent.shape)}; the task tcn needs ${show([1, LATENTS])}.`);
  }
  if (scores !== null && !isSame(scores.shape, [1, scores.shape.at(-1)])) {
    faults.push(`outputs.motif_scores.shape is ${show(scores.shape)}; it needs [1, number of motifs].`);
  }
  const { labels } = motifs;
  if (scores !== null && labels.length > 0 && labels.length !== scores.shape.at(-1)) {
    faults.push(`motifs.labels has ${labels.length} names for ${scores.shape.at(-1)} scores of outputs.motif_scores.`);
  }
  if (motifs.head === 'output' && scores === null) {
    faults.push('motifs.head is "output", but outputs.motif_scores is null.');
  }
  if (accuracy !== null && !(accuracy.value >= 0 && accuracy.value <= 1)) {
    faults.push(`accuracy.value is ${accuracy.value}; it needs a share within 0..1, such as 0.7213.`);
  }
  return faults;
}
