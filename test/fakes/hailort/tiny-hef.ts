import { type TinyOnnx, tinyLatent } from '../../fixtures/tiny-onnx.ts';
import type { StandInHef, StandInOutput } from './body.ts';

export interface TinyHef extends TinyOnnx {
  /** How the HEF has the window: [100, 9, 1] by default; also [1, 100, 9]. */
  readonly layout?: readonly [number, number, number];
  readonly arch?: string;
  readonly group?: string;
  /** Names of the vstreams; by default as in the ONNX. */
  readonly latentName?: string;
  readonly motifsName?: string;
}

/** The function of tinyOnnx(options) as a stand-in HEF: UINT8 in for values in about [−4, 4], UINT16 out. */
export function tinyHef(options: TinyHef = {}): StandInHef {
  const { inputName = 'imu_window', rows = 100, gain = 1, sines = 0, layout = [rows, 9, 1] } = options;
  const latent: StandInOutput = {
    ...fine(options.latentName ?? 'latent_embeddings', 64, gain),
    compute: { kind: 'head', weights: weights(64, gain), sines },
  };
  const motifs: StandInOutput = {
    ...fine(options.motifsName ?? 'motif_scores', 12, 1),
    compute: { kind: 'head', weights: weights(12, gain / 4), sines, isSigmoid: true },
  };
  return {
    group: options.group ?? 'tiny',
    arch: options.arch ?? 'HAILO8',
    inputs: [{ name: inputName, shape: layout, type: 'UINT8', order: 'NHWC', zeroPoint: 128, scale: 1 / 32 }],
    outputs: (options.hasMotifs ?? true) ? [latent, motifs] : [latent],
  };
}

const fine = (name: string, features: number, gain: number) =>
  ({ name, shape: [1, 1, features], type: 'UINT16', order: 'NC', zeroPoint: 32768, scale: gain / 1024 }) as const;

/** Row k: how output k depends on the mean of each channel, as the latents of nine windows tell, each with one channel 1. */
function weights(outputs: number, gain: number): number[][] {
  const columns = Array.from({ length: 9 }, (_, c) => {
    const window = Float32Array.from({ length: 9 }, (_, i) => (i === c ? 1 : 0));
    return tinyLatent(window, gain).slice(0, outputs);
  });
  return Array.from({ length: outputs }, (_, k) => columns.map((column) => column[k]!));
}
