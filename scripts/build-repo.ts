import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../packaging/project.ts';

/**
 * npm run build:repo [-- --key ID] [--out DIR]: a signed flat apt repository of the packages in dist, in dist/apt.
 * The key is one of the caller's own keyring; without one a new key is made for this repository alone and thrown away, so
 * nobody can add to it later.
 */
const options = { key: { type: 'string' }, out: { type: 'string' }, from: { type: 'string' } } as const;

function buildRepository(argv: string[]): void {
  const { values } = parseArgs({ args: argv, options });
  const out = values.out ?? join(ROOT, 'dist', 'apt');
  const packages = packagesIn(values.from);
  requireReplaceable(out);
  const unfinished = `${out}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  for (const file of packages) copyFileSync(file, join(unfinished, basename(file)));
  index(unfinished);
  sign(unfinished, values.key);
  rmSync(out, { recursive: true, force: true }); // only now: what is published stays until its successor is whole
  renameSync(unfinished, out);
  console.log(
    `${out}: ${packages.map((file) => basename(file)).join(', ')}\nUse it with the two lines of the README, "Install it".`,
  );
}

/** Every package of a directory that is named; else this version's, because dist may still hold others. */
function packagesIn(directory: string | undefined): string[] {
  const from = directory ?? join(ROOT, 'dist');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const isWanted = (file: string) =>
    file.endsWith('.deb') && (directory !== undefined || file.includes(`_${version}_`));
  const found = readdirSync(from).filter(isWanted);
  if (found.length === 0) throw new Error(`There is no package in ${from}: run npm run build:deb first.`);
  return found.map((file) => join(from, file));
}

/** A directory that is no repository is not to be replaced by one. */
function requireReplaceable(out: string): void {
  if (!existsSync(out) || existsSync(join(out, 'Release')) || readdirSync(out).length === 0) return;
  throw new Error(`${out} has other files in it: name an empty directory or an older repository with --out.`);
}

/** Packages, its compressed twin, and Release with the digests of both. */
function index(out: string): void {
  const run = (file: string, ...args: string[]) => execFileSync(file, args, { cwd: out, maxBuffer: 1 << 26 });
  writeFileSync(join(out, 'Packages'), run('apt-ftparchive', 'packages', '.'));
  run('gzip', '-9nk', 'Packages');
  const fields = ['Origin=hailo-tcn-sidecar', 'Label=hailo-tcn-sidecar', 'Architectures=amd64 arm64'];
  const release = run(
    'apt-ftparchive',
    ...fields.map((field) => `-oAPT::FTPArchive::Release::${field}`),
    'release',
    '.',
  );
  writeFileSync(join(out, 'Release'), release);
}

/** InRelease, and the public key that apt is to trust for this repository and no other. */
function sign(out: string, key: string | undefined): void {
  const home = key === undefined ? mkdtempSync(join(tmpdir(), 'gpg-')) : null;
  const env = { ...process.env, ...(home && { GNUPGHOME: home }) };
  const gpg = (...args: string[]) =>
    execFileSync('gpg', ['--batch', '--yes', ...args], { cwd: out, env, stdio: 'pipe' });
  try {
    const name = key ?? 'hailo-tcn-sidecar repository';
    if (key === undefined) gpg('--passphrase', '', '--quick-generate-key', name, 'ed25519', 'sign', 'never');
    gpg('--local-user', name, '--clearsign', '--output', 'InRelease', 'Release');
    gpg('--output', 'hailo-tcn-sidecar.gpg', '--export', name);
  } finally {
    if (home !== null) {
      execFileSync('gpgconf', ['--kill', 'all'], { env });
      rmSync(home, { recursive: true });
    }
  }
}

try {
  buildRepository(process.argv.slice(2));
} catch (thrown) {
  const { stderr, message, code } = thrown as NodeJS.ErrnoException & { stderr?: Buffer };
  const missing = code === 'ENOENT' ? 'apt-ftparchive (package apt-utils) and gpg are needed. ' : '';
  console.error(`${missing}${stderr?.toString() || message}`);
  process.exitCode = 1;
}
