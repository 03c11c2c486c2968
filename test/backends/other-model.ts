import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Inference, ModelSource } from '../../src/core/backend.ts';
import { standInHef } from '../fakes/hailort/hef.ts';
import { type TinyHef, tinyHef } from '../fakes/hailort/tiny-hef.ts';
import type { StandInChip } from '../fakes/stand-in-chip.ts';
import { sha256, writeTinyBundle } from '../fixtures/bundle.ts';
import { tinyLatent } from '../fixtures/tiny-onnx.ts';
import { windowOf } from './load.ts';

/** A model that answers otherwise than the chip's own, tiny@1, by a factor that only they have. */
export function writeOtherModel(chip: StandInChip, version: number, hef: TinyHef = {}): ModelSource {
  const gain = version * 2;
  const directory = join(chip.root, `bundle-${version}`);
  const { source } = writeTinyBundle(directory, { gain }, { version: String(version) });
  const path = join(directory, 'model.hef');
  const bytes = standInHef(tinyHef({ gain, ...hef }), { header: 1 });
  writeFileSync(path, bytes);
  const artefact = { kind: 'hef', path, sha256: sha256(bytes), inputLayout: [100, 9, 1] } as const;
  return { ...source, artefacts: [...source.artefacts, artefact], prove: proofOf(gain) };
}

/** The same with nothing for a device. */
export function withoutHef(source: ModelSource): ModelSource {
  return { ...source, artefacts: source.artefacts.filter(({ kind }) => kind === 'onnx') };
}

/** A golden window: the answer must be the model's within quantisation. */
export function proofOf(gain: number): (run: (input: Float32Array) => Promise<Inference>) => Promise<void> {
  return async (run) => {
    const input = windowOf(3);
    const found = (await run(input)).outputs.latent_embeddings!;
    const off = tinyLatent(input, gain).reduce((sum, value, i) => sum + Math.abs(value - found[i]!), 0);
    if (off > 10 * gain) throw new Error(`the golden window is off by ${off.toFixed(2)}`);
  };
}
