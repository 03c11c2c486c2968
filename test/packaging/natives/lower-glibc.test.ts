import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import t from 'tap';
import { readElf } from '../../../packaging/natives/elf.ts';
import { lowerGlibc, tooNewGlibc } from '../../../packaging/natives/lower-glibc.ts';
import type { Arch } from '../../../packaging/natives/stage.ts';
import { ROOT } from '../../../packaging/project.ts';

const original = (arch: Arch) => readFileSync(join(ROOT, `node_modules/uWebSockets.js/uws_linux_${arch}_137.node`));

/** A copy with one text replaced by another of the same length, wherever it stands as a whole string. */
function withText(bytes: Buffer, from: string, to: string): Buffer {
  const copy = Buffer.from(bytes);
  const at = copy.indexOf(`\0${from}\0`, 0, 'latin1');
  if (at < 0 || from.length !== to.length) throw new Error(`${from} cannot become ${to}.`);
  copy.write(to, at + 1, 'latin1');
  return copy;
}

function differingBytes(a: Buffer, b: Buffer): number {
  return a.reduce((count, byte, index) => count + (byte === b[index] ? 0 : 1), 0);
}

t.test('on x64 the three C23 names become the plain ones, by 8 bytes', async (t) => {
  const { bytes, changes } = lowerGlibc(original('x64'));
  t.strictSame([...changes].sort(), [
    '__isoc23_strtol → strtol@GLIBC_2.2.5',
    '__isoc23_strtoul → strtoul@GLIBC_2.2.5',
    '__isoc23_strtoull → strtoull@GLIBC_2.2.5',
  ]);
  t.equal(bytes.length, original('x64').length);
  t.equal(differingBytes(bytes, original('x64')), 8);
});

t.test('on arm64 the two C23 names become the plain ones of its oldest glibc', async (t) => {
  const { changes } = lowerGlibc(original('arm64'));
  t.strictSame([...changes].sort(), ['__isoc23_strtol → strtol@GLIBC_2.17', '__isoc23_strtoul → strtoul@GLIBC_2.17']);
});

t.test('a lowered file asks for nothing above glibc 2.36, and the original stays as it was', async (t) => {
  const before = original('x64');
  const { bytes } = lowerGlibc(before);
  t.strictSame(tooNewGlibc(readElf(before)), ['GLIBC_2.38 of libc.so.6']);
  t.strictSame(tooNewGlibc(readElf(bytes)), []);
});

t.test('a file that needs no lowering is handed back as it is', async (t) => {
  const lowered = lowerGlibc(original('arm64')).bytes;
  t.strictSame(lowerGlibc(lowered), { bytes: lowered, changes: [] });
});

t.test('the lowered file of this machine loads and has the server in it', async (t) => {
  const file = join(t.testdir({ 'uws.node': lowerGlibc(original(process.arch as Arch)).bytes }), 'uws.node');
  t.type(createRequire(file)(file).App, 'function');
});

t.test('any other symbol of glibc 2.38 aborts', async (t) => {
  const other = withText(original('x64'), '__isoc23_strtol', '__isoc23_sscanf');
  t.throws(() => lowerGlibc(other), {
    message: 'The file asks for __isoc23_sscanf@GLIBC_2.38, which has no older equivalent.',
  });
});

t.test('a later version, a marker that is not known and a library that is not libc abort', async (t) => {
  const cases: [from: string, to: string, said: string][] = [
    ['GLIBC_2.36', 'GLIBC_2.37', 'GLIBC_2.37 of libc.so.6'],
    ['GLIBC_2.35', 'GLIBC_2.41', 'GLIBC_2.41 of'],
    ['GLIBC_2.36', 'GLIBC_ABI_', 'GLIBC_ABI_ of libc.so.6'],
    ['libc.so.6', 'libx.so.6', 'GLIBC_2.38 of libx.so.6'],
  ];
  for (const [from, to, said] of cases) {
    const changed = withText(original('x64'), from, to);
    t.throws(() => lowerGlibc(changed), { message: new RegExp(said) }, `${from} → ${to}`);
  }
});

t.test('a file without the base version aborts', async (t) => {
  const changed = withText(original('x64'), 'GLIBC_2.2.5', 'GLIBC_2.2.9');
  t.throws(() => lowerGlibc(changed), { message: /does not ask for GLIBC_2\.2\.5/ });
});

t.test('what is no 64-bit little-endian ELF file of our machines is named', async (t) => {
  const patched = (at: number, value: number) => {
    const copy = Buffer.from(original('x64').subarray(0, 64));
    copy[at] = value;
    return copy;
  };
  t.throws(() => readElf(Buffer.from('MZ')), { message: 'This is no ELF file.' });
  t.throws(() => readElf(patched(4, 1)), { message: /no 64-bit/ });
  t.throws(() => readElf(patched(18, 40)), { message: 'ELF machine 40 is neither x86-64 nor AArch64.' });
  t.throws(() => readElf(patched(60, 0)), { message: /no section of dynamic symbols/ });
});
