import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const SAMPLES = join(import.meta.dirname, '..', '..', '..', 'shared', 'samples');

/** The request bodies that are measured: a published sample, compact and as published, and what EdgeInfer sends. */
export function requestBodies(): Record<'compact sample' | 'pretty sample' | 'float32 digits', string> {
  const pretty = prettySample();
  return {
    'compact sample': JSON.stringify(JSON.parse(pretty)),
    'pretty sample': pretty,
    'float32 digits': `{"x":[${generate()
      .map((row) => `[${row.map(toShortestFloat32).join(',')}]`)
      .join(',')}]}`,
  };
}

/** The rows of that sample. */
export function sampleWindow(): number[][] {
  return (JSON.parse(prettySample()) as { x: number[][] }).x;
}

function prettySample(): string {
  const path = join(SAMPLES, 'realistic_imu_sample.json');
  if (existsSync(path)) return readFileSync(path, 'utf8');
  return JSON.stringify({ x: generate().map((row) => row.map(round3)) }, null, 2);
}

/** 100×9 values within the accepted ranges, the same at every run. */
function generate(): number[][] {
  let state = 0x2545f491;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return Array.from({ length: 100 }, () => Array.from({ length: 9 }, () => Math.fround(next() * 20)));
}

const round3 = (value: number) => Math.round(value * 1000) / 1000;

/** The shortest decimal that reads back as the same float32, as Swift's encoder prints it. */
export function toShortestFloat32(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}
