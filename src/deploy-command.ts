import { deployCommand, type VerifiedFile } from './cli/deploy.ts';
import type { Io } from './cli/io.ts';
import { loadConfig } from './config/load.ts';
import { SidecarError } from './core/errors.ts';
import { readArchive } from './models/bundle-file/bundle-members.ts';
import { contentOf } from './models/bundle-file/member-content.ts';
import { requireTrust } from './models/bundle-file/signature.ts';
import { parseManifest } from './models/manifest.ts';
import { readYaml } from './parts.ts';

/** `deploy …`: the keys that this machine trusts judge the file before it leaves it. */
export async function deploy(argv: string[], io: Io): Promise<number> {
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopped.abort());
  return deployCommand(argv, io, {
    verify,
    env: process.env,
    signal: stopped.signal,
    clock: () => performance.now(),
  });
}

async function verify(file: string): Promise<VerifiedFile> {
  const trustedKeys = loadConfig({ path: null, env: process.env }).config.model.trusted_keys;
  const { signedBy } = await requireTrust(file, { trustedKeys, origin: 'local' });
  const { name, version } = await readManifest(file);
  const text =
    signedBy === null
      ? 'digests match; no key is trusted here, so no signature was asked for'
      : `signed by ${signedBy}`;
  return { model: `${name}@${version}`, text };
}

/** The manifest is the first member. */
async function readManifest(file: string) {
  for await (const member of readArchive(file)) {
    const text = (await contentOf(member)).toString('utf8');
    return parseManifest(text, `${file}: ${member.name}`, readYaml);
  }
  throw new SidecarError('MODEL_INVALID', `${file} is empty: pack the bundle again.`);
}
