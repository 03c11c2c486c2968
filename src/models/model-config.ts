import { type Static, Type } from 'typebox';
import { SidecarError } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';
import { readJson } from './bundle-files.ts';

/** What is read of the model_config.json that an export of the first pipeline writes; other keys are left alone. */
const ModelConfigSchema = Type.Object({
  export_info: Type.Optional(
    Type.Object({ model_accuracy: Type.Optional(Type.String()), export_version: Type.Optional(Type.String()) }),
  ),
  normalization: Type.Object({
    method: Type.String(),
    mean: Type.Array(Type.Number(), { minItems: 1 }),
    std: Type.Array(Type.Number({ exclusiveMinimum: 0 }), { minItems: 1 }),
    channel_order: Type.Optional(Type.Array(Type.String())),
  }),
});
type ModelConfig = Static<typeof ModelConfigSchema>;

export interface ModelConfigFacts extends Pick<Manifest, 'name' | 'version' | 'accuracy' | 'normalisation'> {
  readonly input: Pick<Manifest['input'], 'rate_hz' | 'channels' | 'units'>;
}

const CHANNELS = ['ax', 'ay', 'az', 'gx', 'gy', 'gz', 'mx', 'my', 'mz'];
const UNITS = ['m/s2', 'm/s2', 'm/s2', 'rad/s', 'rad/s', 'rad/s', 'uT', 'uT', 'uT'];
const SOURCE = 'model_config.json, not verified here';

/** What a model_config.json states, with its source said. Throws MODEL_INVALID. */
export function readModelConfig(file: string): ModelConfigFacts {
  const config = readJson<ModelConfig>(file, ModelConfigSchema);
  const { mean, std, method, channel_order: channels } = config.normalization;
  if (method !== 'z_score_per_channel') {
    throw new SidecarError(
      'MODEL_INVALID',
      `${file}: normalization.method is "${method}", only z_score_per_channel is known.`,
    );
  }
  return {
    name: 'tcn-vae',
    version: config.export_info?.export_version ?? '1',
    accuracy: toAccuracy(config.export_info?.model_accuracy),
    normalisation: { method: 'z_score_per_channel', mean, std, source: SOURCE },
    input: { rate_hz: 100, channels: channels ?? CHANNELS, units: UNITS },
  };
}

/** "72.13%" or "0.7213"; anything else is not known, and that is what the manifest says. */
function toAccuracy(text: string | undefined): Manifest['accuracy'] {
  const match = /^([0-9.]+)\s*(%?)$/.exec(text?.trim() ?? '');
  if (match === null) return null;
  const value = Math.round(Number(match[1]) * (match[2] === '%' ? 1e4 : 1e6)) / 1e6;
  return { value, dataset: 'not stated', source: SOURCE };
}
