import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { verifyHef } from '../../src/models/hef.ts';
import { makeHef } from '../fixtures/hef.ts';

const VERSIONS = [0, 1, 2, 3] as const;
const sound = (version: (typeof VERSIONS)[number]) =>
  makeHef(version, Buffer.from('a proto buffer'), Buffer.from('weights'));
const reasonOf = (bytes: Uint8Array) =>
  verifyHef(bytes, 'model.hef').then(
    () => 'sound',
    (error: { code: string; message: string }) => (error.code === 'MODEL_INVALID' ? error.message : error.code),
  );

for (const version of VERSIONS) {
  t.test(`header version ${version}: sound is accepted, every damage is found`, async (t) => {
    const hef = version === 0 ? await makeHef(0, Buffer.from('a proto buffer')) : await sound(version);
    t.same(await verifyHef(hef, 'model.hef'), { version, protoBytes: 14 });
    t.match(await reasonOf(hef.subarray(0, -1)), /announces \d+ bytes, 1 bytes are missing\. The file is damaged/);
    t.match(await reasonOf(Buffer.concat([hef, hef.subarray(0, 3)])), /3 bytes are too many/);
    t.match(await reasonOf(hef.subarray(0, 20)), /ends within its header, after 20 bytes/);
    for (const at of [hef.length - 1, hef.length - 12]) {
      const flipped = Buffer.from(hef);
      flipped[at]! ^= 1;
      t.match(await reasonOf(flipped), /does not match its checksum/, `byte ${at}`);
    }
  });
}

t.test('what is no HEF is told apart from what is damaged', async (t) => {
  t.match(await reasonOf(Buffer.from('{"mock_hef": true}')), /does not begin with 01 48 45 46\. Compile/);
  t.match(await reasonOf(Buffer.alloc(0)), /does not begin/);
  const future = await sound(3);
  future.writeUInt32BE(4, 4);
  t.match(await reasonOf(future), /header version 4 is unknown \(known: 0 to 3\)/);
});

const real = join(import.meta.dirname, '..', '..', '..', 'shared', 'hefs');
t.test(
  'a real file of the compiler is sound, and one flipped byte of it is not',
  { skip: existsSync(real) ? false : '../shared is not here' },
  async (t) => {
    const name = readdirSync(real).find((file) => file.endsWith('.hef'))!;
    const bytes = readFileSync(join(real, name));
    t.match(await verifyHef(bytes, name), { version: 2, protoBytes: 326386 });
    bytes[bytes.length >> 1]! ^= 0x10;
    t.match(await reasonOf(bytes), /checksum/);
  },
);
