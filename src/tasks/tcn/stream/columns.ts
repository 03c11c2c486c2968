import type { Static } from 'typebox';
import type { StreamUnits } from '../../../core/stream-hello.ts';
import { SI_UNITS, SKIPPED_COLUMN } from '../../../core/stream-hello.ts';
import { refuse } from '../refusal.ts';
import { CHANNEL_NAMES, CHANNELS } from '../schema.ts';

/** Which column of a client's sample is which channel of the model, and what makes its unit the model's. */
export interface Columns {
  /** Columns of a sample. */
  readonly names: readonly string[];
  readonly units: Units;
  /** Per channel of the model its column. */
  readonly column: Uint8Array;
  /** Per channel what its values are multiplied by. */
  readonly factor: Float64Array;
}

export type Units = Required<Static<typeof StreamUnits>>;

const STANDARD_GRAVITY = 9.80665;
const DEGREE = Math.PI / 180;

/** To m/s², rad/s and µT. */
const FACTORS = {
  acc: { 'm/s2': 1, g: STANDARD_GRAVITY, mg: STANDARD_GRAVITY / 1000 },
  gyro: { 'rad/s': 1, 'deg/s': DEGREE, 'mdeg/s': DEGREE / 1000 },
  mag: { uT: 1, nT: 1e-3, mT: 1e3, G: 100, mG: 0.1 },
} as const;

/** @throws SidecarError INVALID_INPUT for a channel that is unknown, missing or there twice */
export function toColumns(channels: readonly string[] = CHANNEL_NAMES, units: Partial<Units> = {}): Columns {
  const inForce = { ...SI_UNITS, ...units };
  checkNames(channels);
  const { acc, gyro, mag } = inForce;
  const factors = [FACTORS.acc[acc], FACTORS.gyro[gyro], FACTORS.mag[mag]];
  return {
    names: channels,
    units: inForce,
    column: Uint8Array.from(CHANNEL_NAMES, (name) => channels.indexOf(name)),
    factor: Float64Array.from({ length: CHANNELS }, (_, channel) => factors[Math.floor(channel / 3)]!),
  };
}

function checkNames(channels: readonly string[]): void {
  const known: readonly string[] = [...CHANNEL_NAMES, SKIPPED_COLUMN];
  const stranger = channels.findIndex((name) => !known.includes(name));
  const hint = `; a column is one of ${CHANNEL_NAMES.join(', ')}, or "${SKIPPED_COLUMN}" where it is to be skipped.`;
  if (stranger >= 0) refuse('value_error', ['channels', stranger], 'Unknown channel', channels[stranger], hint);
  const twice = channels.findIndex((name, i) => name !== SKIPPED_COLUMN && channels.indexOf(name) !== i);
  if (twice >= 0) refuse('value_error', ['channels', twice], 'Channel is there twice', channels[twice], hint);
  const missing = CHANNEL_NAMES.filter((name) => !channels.includes(name));
  if (missing.length === 0) return;
  refuse(
    'value_error',
    ['channels'],
    `Missing channels: ${missing.join(', ')}`,
    undefined,
    '; the model needs all nine, and nothing is made up.',
  );
}
