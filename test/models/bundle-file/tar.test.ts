import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import t from 'tap';
import { readArchive, readDirectory, readMembers } from '../../../src/models/bundle-file/bundle-members.ts';
import { toTextMember } from '../../../src/models/bundle-file/member-content.ts';
import type { Member, Members } from '../../../src/models/bundle-file/members.ts';
import { readTar, writeTar } from '../../../src/models/bundle-file/tar.ts';
import { collect, END, inChunks, type RawEntry, rawTar, readAll } from '../../fixtures/archive.ts';
import { writeTinyBundle } from '../../fixtures/bundle.ts';

const LIMITS = { maxBytes: 1 << 30 };
const read = (bytes: Uint8Array, limits = LIMITS, chunk = 777) => readAll(readTar(inChunks(bytes, chunk), limits));

async function* membersOf(...members: Member[]): Members {
  yield* members;
}
const text = (name: string, content: string) => toTextMember(name, Buffer.from(content));
const manifest: RawEntry = { name: 'manifest.yaml', content: 'name: tiny\n' };

t.test('what is written is read again, whatever the sizes of files and chunks', async (t) => {
  const contents = fc.array(fc.string({ maxLength: 1500, unit: 'binary-ascii' }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(contents, fc.integer({ min: 1, max: 2000 }), async (all, chunk) => {
      const members = [text('manifest.yaml', 'x'), ...all.map((content, i) => text(`file-${i}`, content))];
      const bytes = await collect(writeTar(membersOf(...members)));
      const expected = new Map([['manifest.yaml', 'x'], ...all.map((content, i) => [`file-${i}`, content] as const)]);
      t.same(await read(bytes, LIMITS, chunk), expected);
    }),
    { numRuns: 60 },
  );
});

t.test('members that are not read are skipped, and the source is released by whoever stops early', async (t) => {
  const bytes = rawTar([manifest, { name: 'a', content: 'x'.repeat(3000) }, { name: 'b', content: 'y' }]);
  const names: string[] = [];
  for await (const { name } of readTar(inChunks(bytes), LIMITS)) names.push(name);
  t.same(names, ['manifest.yaml', 'a', 'b']);
  let isReleased = false;
  async function* source() {
    try {
      yield* inChunks(bytes);
    } finally {
      isReleased = true;
    }
  }
  for await (const member of readTar(source(), LIMITS)) if (member.name === 'a') break;
  t.ok(isReleased);
});

t.test('a member that is read too late says so', async (t) => {
  const all: Member[] = [];
  for await (const member of readTar(inChunks(rawTar([manifest])), LIMITS)) all.push(member);
  await t.rejects(collect(all[0]!.chunks()), /manifest\.yaml.*after/);
});

t.test('names of 100 bytes fit', async (t) => {
  const name = 'n'.repeat(100);
  t.same([...(await read(rawTar([manifest, { name }]))).keys()], ['manifest.yaml', name]);
});

const magic = (bytes: string) => (header: Buffer) => void header.write(bytes, 257, 'latin1');
const type = (byte: string) => (header: Buffer) => void header.write(byte, 156, 'latin1');
const size = (octal: string) => (header: Buffer) => void header.write(octal, 124, 'latin1');
const binarySize = (bytes: bigint) => (header: Buffer) => {
  header.fill(0, 124, 136);
  header[124] = 0x80;
  header.writeBigUInt64BE(bytes, 128);
};
const TEN_GB = 10_000_000_000;
const many = Array.from({ length: 16 }, (_, i) => ({ name: `f${i}` }));

const bad: readonly [what: string, bytes: Uint8Array, message: RegExp][] = [
  ['nothing', Buffer.alloc(0), /ends before its end-of-archive mark\. It was cut off/],
  ['text', Buffer.from('x'.repeat(2000)), /no tar archive.*model pack/],
  ['a gzip file', Buffer.concat([Buffer.from('1f8b', 'hex'), Buffer.alloc(600, 7)]), /packed with gzip/],
  ['a zip file', Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(600, 7)]), /packed with zip/],
  ['an archive without files', END, /without any file/],
  ['a manifest that is not first', rawTar([{ name: 'golden.json' }, manifest]), /"golden\.json" comes first/],
  ['a file twice', rawTar([manifest, { name: 'a' }, { name: 'a' }]), /"a" is in it twice/],
  ['a manifest twice', rawTar([manifest, manifest]), /"manifest\.yaml" is in it twice/],
  ['too many files', rawTar([manifest, ...many]), /"f15" is one file more than the 16/],
  ['a way up', rawTar([manifest, { name: '../x' }]), /"\.\.\/x" is no plain file name/],
  ['a path from the root', rawTar([manifest, { name: '/etc/x' }]), /"\/etc\/x" is no plain file name/],
  ['a folder', rawTar([manifest, { name: 'a/b' }]), /"a\/b" is no plain file name/],
  ['a hidden file', rawTar([manifest, { name: '.x' }]), /"\.x" is no plain file name/],
  ['an option', rawTar([manifest, { name: '-rf' }]), /"-rf" is no plain file name/],
  ['no name', rawTar([manifest, { name: '' }]), /"" is no plain file name/],
  ['a line end', rawTar([manifest, { name: 'a\nb' }]), /"a\\nb" is no plain file name/],
  ['a NUL', rawTar([manifest, { name: 'a\0b' }]), /"a\\u0000b" is no plain file name/],
  ['a control byte', rawTar([manifest, { name: 'a\x9b1m' }]), /"a\\u009b1m" is no plain file name/],
  [
    'a path in two fields',
    rawTar([manifest, { name: 'b', spoil: (header) => void header.write('../..', 345) }]),
    /"\.\.\/\.\.\/b" is a path/,
  ],
  ['a size that is none', rawTar([manifest, { name: 'a', spoil: size('0000000009x') }]), /a size that is no number/],
  ['10 GB', rawTar([manifest, { name: 'a', spoil: size(TEN_GB.toString(8)) }]), /"a" has 10000000000 bytes, more than/],
  [
    '10 GB in binary',
    rawTar([manifest, { name: 'a', spoil: binarySize(10_000_000_000n) }]),
    /"a" has 10000000000 bytes/,
  ],
  [
    '2^63 in binary',
    rawTar([manifest, { name: 'a', spoil: binarySize(2n ** 63n) }]),
    /"a" has 9223372036854776000 bytes/,
  ],
  ['a small size in binary', rawTar([manifest, { name: 'a', spoil: binarySize(0n) }]), /GNU tar's own format/],
  [
    'a text of 17 MiB',
    rawTar([{ ...manifest, spoil: size((17 << 20).toString(8).padStart(11, '0')) }]),
    /more than the 16777216/,
  ],
  ["GNU's format", rawTar([{ ...manifest, spoil: magic('ustar  \0') }]), /stored in GNU tar's own format/],
  ['an old format', rawTar([{ ...manifest, spoil: magic('\0'.repeat(8)) }]), /older than ustar/],
  ['something hidden', Buffer.from(rawTar([manifest])).fill(1, 1000, 1001), /hidden behind "manifest\.yaml"/],
  ['data at the end', rawTar([manifest], Buffer.concat([END, Buffer.from('more')])), /goes on after its end/],
  ['data in the end', rawTar([manifest], Buffer.from(END).fill(1, 600, 601)), /goes on after its end/],
  ['endless zeros', rawTar([manifest], Buffer.alloc(1024 + 10240 + 512)), /goes on after its end/],
  ['half an end', rawTar([manifest], Buffer.alloc(512)), /ends before its end-of-archive mark/],
  ['no end', rawTar([manifest], Buffer.alloc(0)), /ends before its end-of-archive mark/],
];

for (const [what, bytes, message] of bad) {
  t.test(`refused for ${what}, in a sentence`, (t) => t.rejects(read(bytes), { code: 'MODEL_INVALID', message }));
}

const kinds: readonly [byte: string, called: RegExp][] = [
  ['\0', /before 1988/],
  ['1', /a hard link/],
  ['2', /a symbolic link/],
  ['3', /a character device/],
  ['4', /a block device/],
  ['5', /a directory/],
  ['6', /a named pipe/],
  ['7', /a contiguous file/],
  ['x', /a pax extended header/],
  ['g', /a pax global header/],
  ['L', /a GNU long name/],
  ['K', /a GNU long link name/],
  ['S', /a GNU sparse file/],
  ['Z', /of the unknown type "Z"/],
];

for (const [byte, called] of kinds) {
  t.test(`what is no regular file is called by its name: ${called.source}`, async (t) => {
    const bytes = rawTar([manifest, { name: 'thing', spoil: type(byte) }]);
    await t.rejects(read(bytes), { code: 'MODEL_INVALID', message: called });
    await t.rejects(read(bytes), { message: /"thing" is .*model pack/ });
  });
}

t.test('a member over its limit is refused from its header, before a byte of it is asked for', async (t) => {
  const bytes = rawTar([manifest, { name: 'big', spoil: size('77777777777') }]).subarray(0, 1536);
  let asked = 0;
  async function* source() {
    for (let at = 0; at < bytes.length; at += 512) {
      asked += 512;
      yield bytes.subarray(at, at + 512);
    }
    t.fail('more was asked for');
  }
  await t.rejects(readAll(readTar(source(), LIMITS)), { message: /"big" has 8589934591 bytes/ });
  t.equal(asked, 1536);
});

t.test('the whole has a limit, and so has a member if the caller says so', async (t) => {
  const bytes = rawTar([manifest, { name: 'a', content: 'x'.repeat(600) }, { name: 'b', content: 'y'.repeat(600) }]);
  await t.rejects(read(bytes, { maxBytes: 1000 }), { message: /"b" would make the bundle larger than the 1000 bytes/ });
  const limits = { maxBytes: 5000, maxMemberBytes: 599, label: 'tiny.tcnmodel' };
  await t.rejects(read(bytes, limits), { message: /^tiny\.tcnmodel: "a" has 600 bytes, more than the 599/ });
});

t.test('a file that was cut off is refused wherever it was cut', async (t) => {
  const bytes = rawTar([manifest, { name: 'a', content: 'x'.repeat(1300) }, { name: 'b' }]);
  const cuts = Array.from({ length: bytes.length / 512 }, (_, i) => i * 512).flatMap((at) => [at, at + 1, at + 300]);
  for (const at of cuts) {
    await t.rejects(read(bytes.subarray(0, at)), { code: 'MODEL_INVALID', message: /cut off/ }, `at ${at}`);
  }
});

t.test('a damaged header is found by its checksum', async (t) => {
  const bytes = rawTar([manifest, { name: 'a' }]);
  for (let at = 0; at < 512; at++) {
    const damaged = Buffer.from(bytes);
    damaged[1024 + at]! ^= 0x10;
    await t.rejects(read(damaged), { code: 'MODEL_INVALID', message: /checksum.*Copy/ }, `byte ${at}`);
  }
});

t.test('a content of another length than announced is never written as if nothing had happened', async (t) => {
  for (const content of ['12', '1234']) {
    const member = { ...text('manifest.yaml', content), size: 3 };
    await t.rejects(collect(writeTar(membersOf(member))), {
      code: 'MODEL_INVALID',
      message: /changed while it was read/,
    });
  }
});

const tar = spawnSync('tar', ['--version'], { encoding: 'utf8' });
const noGnu = tar.stdout?.includes('GNU tar') ? false : 'GNU tar is not installed';

t.test('what GNU tar makes as plain ustar is read', { skip: noGnu }, async (t) => {
  const { directory } = writeTinyBundle(join(t.testdir(), 'bundle'));
  const file = join(t.testdirName, 'by-hand.tar');
  const files = ['manifest.yaml', 'golden.json', 'model.onnx'];
  execFileSync('tar', ['--format=ustar', '-cf', file, '-C', directory, ...files]);
  t.same([...(await readAll(readArchive(file))).keys()], files);
  execFileSync('tar', ['--format=pax', '--pax-option=comment=x', '-cf', file, '-C', directory, ...files]);
  await t.rejects(readAll(readArchive(file)), { message: /by-hand\.tar: .*pax global header/ });
  execFileSync('tar', ['--format=gnu', '-cf', file, '-C', directory, ...files]);
  await t.rejects(readAll(readArchive(file)), { message: /GNU tar's own format/ });
});

t.test('a directory gives the manifest first, then its files by name; folders and hidden files stay', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  mkdirSync(join(directory, 'examples'));
  writeFileSync(join(directory, '.installed'), 'x');
  writeFileSync(join(directory, 'CARD.md'), 'a card');
  symlinkSync('CARD.md', join(directory, 'README.md'));
  const files = await readAll(readDirectory(directory));
  t.same([...files.keys()], ['manifest.yaml', 'CARD.md', 'README.md', 'golden.json', 'model.onnx']);
  t.equal(files.get('model.onnx'), readFileSync(join(directory, 'model.onnx'), 'latin1'));
  t.equal(files.get('README.md'), 'a card', 'a link to a file of the bundle is that file');
  t.same([...(await readAll(readDirectory(directory, new Set(['manifest.yaml'])))).keys()], ['manifest.yaml']);
});

t.test('a directory is refused as an archive is', async (t) => {
  const fresh = () => writeTinyBundle(t.testdir()).directory;
  const rejects = (directory: string, message: RegExp) =>
    t.rejects(readAll(readDirectory(directory)), { code: 'MODEL_INVALID', message });
  const linked = fresh();
  symlinkSync('/etc/hostname', join(linked, 'host'));
  await rejects(linked, /host is a link to .*outside/);
  const named = fresh();
  writeFileSync(join(named, 'a b'), '');
  await rejects(named, /"a b" is no plain file name/);
  const piped = fresh();
  execFileSync('mkfifo', [join(piped, 'pipe')]);
  await rejects(piped, /pipe cannot be read: it is no regular file/);
  const dangling = fresh();
  symlinkSync('nothing', join(dangling, 'gone'));
  await rejects(dangling, /gone cannot be read: ENOENT/);
  await rejects(t.testdir({ 'a.txt': '' }), /no manifest\.yaml in it/);
  await rejects(join(t.testdirName, 'nowhere'), /nowhere cannot be read: ENOENT/);
});

t.test('a file that grows or shrinks while it is read is refused', async (t) => {
  for (const change of ['', '{"longer": true, "than": "it was before"}'.repeat(2000)]) {
    const { directory } = writeTinyBundle(t.testdir());
    const reading = (async () => {
      for await (const member of readDirectory(directory)) {
        writeFileSync(join(directory, member.name), change);
        await collect(member.chunks());
      }
    })();
    await t.rejects(reading, { code: 'MODEL_INVALID', message: /manifest\.yaml changed while it was read/ });
  }
});

t.test('a bundle is read from wherever it is, or said not to be there', async (t) => {
  const { directory } = writeTinyBundle(t.testdir());
  t.equal((await readAll(await readMembers(directory))).size, 3);
  await t.rejects(readMembers('/nowhere/x'), { code: 'MODEL_MISSING', message: /no bundle at \/nowhere\/x/ });
  await t.rejects(readAll(await readMembers('/dev/null')), { code: 'MODEL_INVALID', message: /no regular file/ });
});
