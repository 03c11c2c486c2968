import { basename } from 'node:path';
import { SidecarError } from '../core/errors.ts';
import { createKeyPair } from '../models/bundle-file/private-key.ts';
import { parsePublicKey } from '../models/bundle-file/public-key.ts';
import { signBundle } from '../models/bundle-file/sign-bundle.ts';
import { FLAG, fail, HELP_FLAG, type Io, parseCommandLine, TEXT } from './io.ts';
import { operand, readPrivateKey, writeKeyFiles } from './model-keys.ts';

export const SIGN_HELP = `  keygen [--out PREFIX] [--json]
                    make a key pair: PREFIX.key to sign with, PREFIX.pub for model.trusted_keys
  sign FILE|DIR --key PRIVATE [--out FILE] [--json]
                    add a signature to a .tcnmodel file or to an unpacked one`;

const DEFAULT_PREFIX = 'model-signing';

/** `model keygen`; resolves to the exit status. */
export async function keygenCommand(argv: readonly string[], io: Io): Promise<number> {
  const options = { out: TEXT, json: FLAG, help: HELP_FLAG };
  const { values } = parseCommandLine(argv, options, { command: 'model', operands: 0 });
  if (values.help) return help(io);
  try {
    const prefix = values.out ?? DEFAULT_PREFIX;
    const { privateKeyPem, publicKey } = createKeyPair(basename(prefix).replaceAll(/[^!-~]/g, '-'));
    writeKeyFiles(prefix, privateKeyPem, publicKey);
    const { id: keyId } = parsePublicKey(publicKey);
    const files = { privateKeyFile: `${prefix}.key`, publicKeyFile: `${prefix}.pub` };
    if (values.json) io.out(JSON.stringify({ ok: true, keyId, publicKey, ...files }, null, 2));
    else printKey(io, prefix, publicKey);
    return 0;
  } catch (thrown) {
    return fail(io, thrown, values.json);
  }
}

/** The key alone goes to stdout, for scripts; what to do with it to stderr. */
function printKey(io: Io, prefix: string, publicKey: string): void {
  io.err(`${io.errColour.green('✓')} ${prefix}.key signs: keep it off the boxes, and keep a copy.`);
  io.err(`  ${prefix}.pub, for model.trusted_keys of the boxes that shall install what it signs:`);
  io.out(publicKey);
}

/** `model sign FILE|DIR --key PRIVATE`; resolves to the exit status. */
export async function signCommand(argv: readonly string[], io: Io): Promise<number> {
  const options = { key: TEXT, out: TEXT, json: FLAG, help: HELP_FLAG };
  const { values, positionals } = parseCommandLine(argv, options, { command: 'model', operands: 1 });
  if (values.help) return help(io);
  try {
    const path = operand('sign', positionals[0], 'a .tcnmodel file or a bundle directory');
    const signed = await signBundle(path, readPrivateKey(requireKey(values.key), io), values.out ?? null);
    if (values.json) io.out(JSON.stringify({ ok: true, ...signed }, null, 2));
    else io.out(`${io.colour.green('✓')} ${signed.path} is signed by ${signed.signedBy.join(', ')}`);
    return 0;
  } catch (thrown) {
    return fail(io, thrown, values.json);
  }
}

function requireKey(file: string | undefined): string {
  if (file !== undefined) return file;
  throw new SidecarError('USAGE', 'model sign needs --key, the private key that "model keygen" made.');
}

function help(io: Io): number {
  io.out(SIGN_HELP);
  return 0;
}
