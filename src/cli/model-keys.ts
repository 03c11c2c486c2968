import { closeSync, fsyncSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { messageOf, SidecarError } from '../core/errors.ts';
import { whyNoPublicKey } from '../models/bundle-file/public-key.ts';
import type { Io } from './io.ts';

/** Key files as the command line names them. */

/** The one operand of a command. Throws USAGE. */
export function operand(command: string, value: string | undefined, what: string): string {
  if (value !== undefined) return value;
  throw new SidecarError('USAGE', `model ${command} needs ${what}. See "hailo-tcn-sidecar model --help".`);
}

/** The PEM in a file, which may be a pipe; others being able to read it is worth a warning. Throws USAGE. */
export function readPrivateKey(file: string, io: Io): string {
  const pem = readKeyFile(file);
  const stat = statSync(file);
  if (stat.isFile() && (stat.mode & 0o077) !== 0) {
    io.err(
      `${io.errColour.yellow('warning:')} ${file} can be read by other users than its owner: run chmod 600 ${file}.`,
    );
  }
  return pem;
}

/** Lines of public keys from what --key said: a key itself, or a file of keys, a line each. Throws USAGE. */
export function readPublicKeys(given: readonly string[]): string[] {
  return given.flatMap((text) => (text.startsWith('ed25519:') ? [requireKey(text, '--key')] : keysIn(text)));
}

function keysIn(file: string): string[] {
  const text = readKeyFile(file);
  if (text.includes('-----BEGIN')) return [requireKey(text, file)];
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  if (lines.length > 0) return lines.map((line) => requireKey(line, file));
  throw new SidecarError('USAGE', `${file} has no public key in it. See "hailo-tcn-sidecar model --help".`);
}

function requireKey(line: string, where: string): string {
  const why = whyNoPublicKey(line);
  if (why === null) return line;
  throw new SidecarError('USAGE', `${where} is no public key: ${why}.`);
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const sentence = `The key file ${file} cannot be read: ${messageOf(cause)}. Name one that "model keygen" made.`;
    throw new SidecarError('USAGE', sentence, { cause });
  }
}

/** Both files or none; neither replaces anything. Throws USAGE when one is there already, UNAVAILABLE when it cannot be written. */
export function writeKeyFiles(prefix: string, privateKeyPem: string, publicKey: string): void {
  const secret = `${prefix}.key`;
  createFile(secret, privateKeyPem, 0o600);
  try {
    createFile(`${prefix}.pub`, `${publicKey}\n`, 0o644);
  } catch (thrown) {
    rmSync(secret, { force: true }); // made a moment ago, and of no use without its other half
    throw thrown;
  }
}

function createFile(file: string, text: string, mode: number): void {
  try {
    const descriptor = openSync(file, 'wx', mode);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    throw toSentence(file, cause);
  }
}

function toSentence(file: string, cause: unknown): SidecarError {
  if ((cause as NodeJS.ErrnoException).code === 'EEXIST') {
    return new SidecarError('USAGE', `${file} exists already, and a key is never replaced: name another --out.`);
  }
  const sentence = `${file} cannot be written: ${messageOf(cause)}. Name another place with --out.`;
  return new SidecarError('UNAVAILABLE', sentence, { cause });
}
