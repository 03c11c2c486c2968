import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { messageOf, SidecarError } from '../core/errors.ts';

/** True for a serial line, and any other terminal. */
export function isTerminalLine(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    const sentence = `${path} cannot be opened (${messageOf(cause)}). Serial lines belong to the group dialout: add yourself to it, or use sudo.`;
    throw new SidecarError('NOT_FOUND', sentence, { cause });
  }
  try {
    return isatty(file);
  } finally {
    closeSync(file);
  }
}

/** Sets speed and raw mode; returns what puts back what was before. Null leaves the speed as it is. */
export function setLine(path: string, baud: number | null): () => void {
  const before = stty(path, ['-g']).trim();
  stty(path, [...(baud === null ? [] : [String(baud)]), 'raw', '-echo']);
  return () => void spawnSync('stty', ['-F', path, before]);
}

function stty(path: string, args: readonly string[]): string {
  const { error, status, stdout, stderr } = spawnSync('stty', ['-F', path, ...args], { encoding: 'utf8' });
  if (error === undefined && status === 0) return stdout;
  const why = error === undefined ? stderr.trim() : messageOf(error);
  throw new SidecarError(
    'UNAVAILABLE',
    `${path} cannot be set up as a serial line: stty ${args.join(' ')} says ${why}`,
  );
}
