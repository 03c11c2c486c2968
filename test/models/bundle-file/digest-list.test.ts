import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readDirectory } from '../../../src/models/bundle-file/bundle-members.ts';
import {
  checking,
  formatDigests,
  parseDigests,
  readListed,
  takeInventory,
  verifyDigests,
} from '../../../src/models/bundle-file/digest-list.ts';
import { readAll } from '../../fixtures/archive.ts';
import { sha256, writeTinyBundle } from '../../fixtures/bundle.ts';

const [A, B] = [sha256('a'), sha256('b')];

/** A directory with its list, as an unpacked bundle file is. */
async function listed(directory: string): Promise<string> {
  writeTinyBundle(directory);
  const { digests } = await takeInventory(readDirectory(directory));
  writeFileSync(join(directory, 'SHA256SUMS'), formatDigests(digests));
  return directory;
}

t.test('the list is what coreutils write, sorted, and is read again', async (t) => {
  const text = formatDigests(new Map([['b', B], ['a', A], ['Z', B]])); // biome-ignore format: one line
  t.equal(text, `${B}  Z\n${A}  a\n${B}  b\n`);
  t.same(parseDigests(text, 'x'), new Map([['Z', B], ['a', A], ['b', B]])); // biome-ignore format: one line
});

t.test('sha256sum -c passes', async (t) => {
  const directory = await listed(t.testdir());
  const said = execFileSync('sha256sum', ['--strict', '-c', 'SHA256SUMS'], { cwd: directory, encoding: 'utf8' });
  t.equal(said, 'golden.json: OK\nmanifest.yaml: OK\nmodel.onnx: OK\n');
});

const bad: readonly [what: string, text: string, message: RegExp][] = [
  ['no line end', `${A}  a`, /x: SHA256SUMS does not end with a line end/],
  ['a short digest', `${A.slice(1)}  a\n`, /line 1 of SHA256SUMS is not/],
  ['capitals', `${A.toUpperCase()}  a\n`, /line 1 of SHA256SUMS is not/],
  ['the form of sha256sum -b', `${A} *a\n`, /line 1 of SHA256SUMS is not/],
  ['a path', `${A}  a\n${B}  ../b\n`, /line 2 of SHA256SUMS is not/],
  ['an empty line', `${A}  a\n\n`, /line 2 of SHA256SUMS is not/],
  ['itself', `${A}  SHA256SUMS\n`, /line 1 of SHA256SUMS names SHA256SUMS/],
  ['its signature', `${A}  SHA256SUMS.sig\n`, /names SHA256SUMS\.sig/],
  ['a name twice', `${A}  a\n${B}  a\n`, /line 2 of SHA256SUMS names "a" a second time/],
  ['too many lines', `${A}  a\n`.repeat(17), /has 17 lines/],
];
for (const [what, text, message] of bad) {
  t.test(`a list is refused for ${what}, which is named`, async (t) => {
    t.throws(() => parseDigests(text, 'x'), { code: 'MODEL_INVALID', message });
  });
}

t.test('a bundle that is what its list says is taken, whatever lies in folders and hidden files', async (t) => {
  const directory = await listed(t.testdir());
  mkdirSync(join(directory, 'examples'));
  writeFileSync(join(directory, '.installed'), 'by the store');
  const { digests, list, signatures } = await verifyDigests(directory);
  t.same([...digests.keys()], ['manifest.yaml', 'golden.json', 'model.onnx']);
  t.same(list, readFileSync(join(directory, 'SHA256SUMS')));
  t.equal(signatures, null);
});

t.test('every difference from the list is found, and named', async (t) => {
  const rejects = (directory: string, message: RegExp) =>
    t.rejects(verifyDigests(directory), { code: 'MODEL_INVALID', message });
  const changed = await listed(t.testdir());
  const before = sha256(readFileSync(join(changed, 'golden.json'))).slice(0, 16);
  writeFileSync(join(changed, 'golden.json'), 'other');
  await rejects(changed, new RegExp(`golden\\.json is not .*${sha256('other').slice(0, 16)}…, expected ${before}…`));
  const extra = await listed(t.testdir());
  writeFileSync(join(extra, 'more.json'), '');
  await rejects(extra, /more\.json is not in SHA256SUMS/);
  const missing = await listed(t.testdir());
  rmSync(join(missing, 'golden.json'));
  await rejects(missing, /golden\.json is missing, which SHA256SUMS lists/);
  await rejects(writeTinyBundle(t.testdir()).directory, /has no SHA256SUMS.*model pack/);
});

t.test('a directory without a list is read with one, last; a list that is there stays', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  const files = await readAll(readListed(directory));
  t.same([...files.keys()], ['manifest.yaml', 'golden.json', 'model.onnx', 'SHA256SUMS']);
  writeFileSync(join(directory, 'SHA256SUMS'), files.get('SHA256SUMS')!);
  await t.resolves(verifyDigests(directory));
  writeFileSync(join(directory, 'SHA256SUMS'), 'of its own');
  t.equal((await readAll(readListed(directory))).get('SHA256SUMS'), 'of its own');
});

t.test('a file that changes between the two readings is refused', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  const { digests } = await takeInventory(readDirectory(directory));
  await t.resolves(readAll(checking(readDirectory(directory), digests)));
  writeFileSync(join(directory, 'golden.json'), '{}');
  await t.rejects(readAll(checking(readDirectory(directory), digests)), {
    code: 'MODEL_INVALID',
    message: /golden\.json changed/,
  });
});
