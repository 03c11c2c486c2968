import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { EncodeRequestSchema, InferRequestSchema, WindowSchema } from './schema.ts';

/** Where a window comes in: under which keys, checked by which schema. */
export interface Door {
  /** Accepted keys, the first wins; it is also the one that a refusal names when none is there. */
  readonly keys: readonly string[];
  /** The keys as they stand in a body, with quotes. */
  readonly quotedKeys: readonly Uint8Array[];
  accepts(body: unknown): boolean;
}

function createDoor(keys: readonly string[], schema: TSchema): Door {
  const validator = Compile(schema);
  return {
    keys,
    quotedKeys: keys.map((key) => new TextEncoder().encode(`"${key}"`)),
    accepts: (body) => validator.Check(body),
  };
}

const window = Compile(WindowSchema);

/** One window of a batch, by the same schema. */
export const isWindow = (value: unknown): boolean => window.Check(value);

export const INFER_DOOR: Door = createDoor(['x'], InferRequestSchema);
export const ENCODE_DOOR: Door = createDoor(['imu_window', 'x'], EncodeRequestSchema);
