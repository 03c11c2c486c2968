import { CHANNELS, ROWS } from '../../../src/tasks/tcn/schema.ts';

/** The contract in the plainest words, JSON.parse and then a look, for tests to compare all other ways with. */
const decoder = new TextDecoder('utf-8', { fatal: true });

/** What JSON.parse makes of a body; undefined when it is no JSON in UTF-8. */
function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(body));
  } catch {
    return undefined;
  }
}

/** The window of a body under the first of these keys that is there; null when the body must be refused. */
export function judge(body: Uint8Array, limits: Float64Array, keys: readonly string[] = ['x']): Float32Array | null {
  const value = parse(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const key = keys.find((name) => Object.hasOwn(value, name));
  return key === undefined ? null : judgeWindow((value as Record<string, unknown>)[key], limits);
}

/** The windows of a batch, null for each that is none; null when there is no list of 1 to `most` of them. */
export function judgeBatch(body: Uint8Array, limits: Float64Array, most: number): (Float32Array | null)[] | null {
  const value = parse(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const windows: unknown = Object.hasOwn(value, 'windows') ? (value as { windows: unknown }).windows : null;
  if (!Array.isArray(windows) || windows.length === 0 || windows.length > most) return null;
  return windows.map((window) => judgeWindow(window, limits));
}

function judgeWindow(rows: unknown, limits: Float64Array): Float32Array | null {
  if (!Array.isArray(rows) || rows.length !== ROWS) return null;
  if (!rows.every((row) => Array.isArray(row) && row.length === CHANNELS)) return null;
  const numbers: unknown[] = rows.flat();
  if (!numbers.every((n, i) => typeof n === 'number' && Math.abs(n) <= limits[i % CHANNELS]!)) return null;
  const window = Float32Array.from(numbers as number[]);
  return window.every(Number.isFinite) ? window : null;
}
