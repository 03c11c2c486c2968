import { type Inventory, verifyDigests } from '../models/bundle-file/digest-list.ts';
import { describeTrust, requireSigned, type SignatureReport } from '../models/bundle-file/signature.ts';
import { fail, type Io, parseCommandLine, toTable } from './io.ts';
import { operand, readPublicKeys } from './model-keys.ts';

export const VERIFY_HELP = `  verify FILE|DIR [--key PUBLIC|FILE ...] [--json]
                    check a bundle's digests and who signed it; --key replaces model.trusted_keys
                    status 65: not whole; 77: not signed by a trusted key`;

export interface VerifyDeps {
  /** model.trusted_keys; asked only when no --key is given. */
  trustedKeys(): readonly string[];
}

const OPTIONS = {
  key: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** `model verify FILE|DIR`; resolves to the exit status. Nothing is written: an archive is checked as it is read. */
export async function verifyCommand(argv: readonly string[], io: Io, deps: VerifyDeps): Promise<number> {
  const { values, positionals } = parseCommandLine(argv, OPTIONS, { command: 'model', operands: 1 });
  if (values.help) {
    io.out(VERIFY_HELP);
    return 0;
  }
  const print = values.json ? printJson : printText;
  try {
    const path = operand('verify', positionals[0], 'a .tcnmodel file or a bundle directory');
    const trustedKeys = values.key === undefined ? deps.trustedKeys() : readPublicKeys(values.key);
    return await verify(path, trustedKeys, io, print);
  } catch (thrown) {
    return fail(io, thrown, values.json);
  }
}

type Print = (io: Io, path: string, inventory: Inventory, reports: readonly SignatureReport[]) => void;

async function verify(path: string, trustedKeys: readonly string[], io: Io, print: Print): Promise<number> {
  const inventory = await verifyDigests(path);
  const reports = describeTrust(inventory, trustedKeys, path);
  requireSigned(inventory, { trustedKeys, origin: 'local' }, path);
  print(io, path, inventory, reports);
  if (trustedKeys.length > 0) return 0;
  io.err(
    `${io.errColour.yellow('warning:')} No key is trusted, so who made it is not known: name one with --key, or in model.trusted_keys.`,
  );
  return 0;
}

function printJson(io: Io, path: string, inventory: Inventory, signatures: readonly SignatureReport[]): void {
  const { bytes, digests } = inventory;
  const signedBy = signatures.find(({ verdict }) => verdict === 'valid')?.keyId ?? null;
  io.out(JSON.stringify({ ok: true, path, bytes, signedBy, signatures, files: Object.fromEntries(digests) }, null, 2));
}

function printText(io: Io, path: string, { bytes, digests }: Inventory, reports: readonly SignatureReport[]): void {
  io.out(`${io.colour.green('✓')} ${path}: ${digests.size} files, ${bytes} bytes, digests match`);
  const rows = reports.map(({ keyId, verdict, comment }) => ['signature', keyId, verdict, comment]);
  for (const line of toTable(rows.length > 0 ? rows : [['signature', 'none']])) io.out(`  ${line}`);
}
