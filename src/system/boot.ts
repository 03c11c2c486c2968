import { readFileSync } from 'node:fs';

/** Another one after each start of the machine. "" where the kernel does not tell: then every start is another boot. */
export function bootId(file = '/proc/sys/kernel/random/boot_id'): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

/** For people: where a clock is wrong, this is wrong, and nothing depends on it. */
export const timeOfDay = (): string => new Date().toISOString();

/** In milliseconds; for dates that others have written, such as a certificate's. */
export const unixTimeMs = (): number => Date.now();
