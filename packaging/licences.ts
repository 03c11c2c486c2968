import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostArch, packageDirectory, ROOT } from './project.ts';

/** npm packages of which code is in the executable or beside it. A test compares this with what esbuild bundles. */
export const BUNDLED: readonly string[] = [
  '@opentelemetry/api',
  '@pinojs/redact',
  'atomic-sleep',
  'bintrees',
  'csv-parse',
  'esbuild', // the few functions that it puts before a bundle
  'hash-wasm',
  'koffi',
  'on-exit-leak-free',
  'onnxruntime-common',
  'onnxruntime-node',
  'pino',
  'pino-std-serializers',
  'prom-client',
  'quick-format-unescaped',
  'safe-stable-stringify',
  'sonic-boom',
  'tdigest',
  'thread-stream',
  'typebox',
  'uWebSockets.js',
  'ws',
  'yaml',
];

/** Notices of parts inside a package, by the name of the file that they become. */
const WITHIN: Readonly<Record<string, readonly [name: string, path: string]>> = {
  'koffi.node-addon-api': ['koffi', 'vendor/node-addon-api/LICENSE.md'],
  'koffi.node-api-headers': ['koffi', 'vendor/node-api-headers/LICENSE'],
};

/** What packaging/licences was gathered for; other versions may contain other code. */
const GATHERED_FOR: Readonly<Record<string, string>> = { 'onnxruntime-node': '1.30.0', 'uWebSockets.js': '3.0.6' };
const GATHERED = join(ROOT, 'packaging', 'licences');

const LICENCE_FILE = /^(licen[cs]e|copying|notice)/i;

/**
 * Writes the licences of all foreign parts into a directory, one file or more for each, as the authors wrote them. Equal
 * packages give equal bytes, on any machine. Throws when a part has no licence, or another version than was looked at.
 */
export function writeLicences(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of gather()) writeFileSync(join(directory, name), content);
}

/** The name under which the licence of an npm package is written. */
export function licenceName(npmPackage: string): string {
  if (npmPackage.startsWith('node-linux-')) return 'node';
  if (npmPackage.startsWith('@koromix/koffi-')) return 'koffi';
  if (npmPackage === 'onnxruntime-common') return 'onnxruntime-node'; // of one project
  return npmPackage.replace('@', '').replace('/', '-');
}

function gather(): Map<string, Buffer | string> {
  requireLookedAt();
  const found = new Map<string, Buffer | string>();
  for (const name of [...BUNDLED, `node-linux-${hostArch()}`]) addPackage(found, name);
  for (const [file, [name, path]] of Object.entries(WITHIN)) found.set(file, read(name, path));
  found.set('hash-wasm.sources', headsOf('hash-wasm', 'src'));
  for (const file of readdirSync(GATHERED).filter((name) => name !== 'README.md')) {
    found.set(file, readFileSync(join(GATHERED, file)));
  }
  return found;
}

/** The licence is named like its package; what else there is, such as a NOTICE, has its own name added. */
function addPackage(found: Map<string, Buffer | string>, npmPackage: string): void {
  const files = readdirSync(home(npmPackage)).filter((file) => LICENCE_FILE.test(file));
  const [licence, ...others] = files.sort();
  const name = licenceName(npmPackage);
  if (licence === undefined) {
    if (existsSync(join(GATHERED, name))) return;
    const remedy = `put its authors' notice into packaging/licences as ${name}, see the README there`;
    throw new Error(`The package ${npmPackage} has no licence file: ${remedy}.`);
  }
  found.set(name, read(npmPackage, licence));
  for (const other of others) found.set(`${name}.${other}`, read(npmPackage, other));
}

/** The first comment of each C source: hash-wasm's licence refers to them for what it was compiled from. */
function headsOf(npmPackage: string, folder: string): string {
  const sources = readdirSync(join(home(npmPackage), folder)).filter((file) => file.endsWith('.c'));
  const heads = sources.sort().map((file) => [file, headOf(read(npmPackage, join(folder, file)).toString())]);
  if (heads.length === 0)
    throw new Error(`${npmPackage} has no C sources in ${folder} any more: where are its notices?`);
  return heads.map(([file, head]) => `--- ${file} ---\n\n${head}\n`).join('\n');
}

function headOf(source: string): string {
  const head = /^\s*(\/\*[\s\S]*?\*\/|(?:\/\/[^\n]*\n)+)/.exec(source)?.[1];
  return head?.trimEnd() ?? '(no notice of its own: the licence of the package applies)';
}

function requireLookedAt(): void {
  for (const [name, version] of Object.entries(GATHERED_FOR)) {
    const installed = (JSON.parse(read(name, 'package.json').toString()) as { version: string }).version;
    if (installed === version) continue;
    throw new Error(
      `packaging/licences holds the notices of ${name} ${version}, but ${installed} is installed: see the README there.`,
    );
  }
}

function read(npmPackage: string, path: string): Buffer {
  return readFileSync(join(home(npmPackage), path));
}

function home(npmPackage: string): string {
  return packageDirectory(hostArch(), npmPackage);
}
