import { closeSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { SidecarError } from '../core/errors.ts';

/** Throws USAGE when something is at `out` that was not asked to be replaced, or that is no bundle: that stays. */
export function requireFree(out: string, mayReplace: boolean): void {
  if (!existsSync(out)) return;
  if (!mayReplace) {
    throw new SidecarError('USAGE', `${out} exists already: name another --out, or give --force to replace it.`);
  }
  if (existsSync(join(out, 'manifest.yaml'))) return;
  throw new SidecarError('USAGE', `${out} is no model bundle, so --force does not replace it: name another --out.`);
}

/** A name beside `out`, on the same file system, that nothing else has. */
export function besides(out: string, suffix: string): string {
  return join(dirname(out), `.${basename(out)}.${process.pid}.${suffix}`);
}

/**
 * Puts a staged directory in its place, on disk. What was there is deleted only when the new one is in; a crash between
 * the two renames leaves it beside its place, under the name that besides(out, 'old') gave.
 */
export function publish(staging: string, out: string): void {
  for (const name of readdirSync(staging)) syncPath(join(staging, name));
  syncPath(staging);
  const old = existsSync(out) ? besides(out, 'old') : null;
  if (old !== null) renameSync(out, old);
  try {
    renameSync(staging, out);
  } catch (thrown) {
    if (old !== null) renameSync(old, out);
    throw thrown;
  }
  syncPath(dirname(out));
  if (old !== null) rmSync(old, { recursive: true, force: true });
}

function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
