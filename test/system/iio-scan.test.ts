import t from 'tap';
import { layOutScan, parseScanType, readValue, type ScanType } from '../../src/system/iio-scan.ts';

const type = (text: string): ScanType => {
  const parsed = parseScanType(text);
  if (parsed === null) throw new Error(text);
  return parsed;
};
const read = (text: string, ...bytes: number[]) => readValue(Uint8Array.from(bytes), 0, type(text));

t.test('values are read as their type says: byte order, sign, shift, padding', async (t) => {
  t.equal(read('le:s16/16>>0', 0x34, 0x12), 0x1234n);
  t.equal(read('le:s16/16>>0', 0xfe, 0xff), -2n);
  t.equal(read('be:s16/16>>0', 0x12, 0x34), 0x1234n);
  t.equal(read('be:s16/16>>0', 0xff, 0xfe), -2n);
  t.equal(read('le:u16/16>>0', 0xfe, 0xff), 0xfffen);
  t.equal(read('le:s12/16>>4', 0xff, 0x7f), 0x7ffn, 'twelve bits on top, rubbish below');
  t.equal(read('le:s12/16>>4', 0x0f, 0x80), -2048n);
  t.equal(read('le:s14/16>>0', 0xff, 0xff), -1n, 'rubbish above fourteen bits');
  t.equal(read('le:s14/16>>0', 0x00, 0x60), -8192n);
  t.equal(read('be:u12/16>>4', 0xab, 0xcd), 0xabcn);
  t.equal(read('le:s24/32>>8', 0x99, 0xff, 0xff, 0xff), -1n);
  t.equal(read('le:s8/8>>0', 0x80), -128n);
  t.equal(read('le:s64/64>>0', 1, 0, 0, 0, 0, 0, 0, 0x80), -(2n ** 63n) + 1n);
  t.equal(read('be:s64/64>>0', 0, 0, 0, 0, 0, 0, 1, 0), 256n);
});

t.test('what is no type, or no possible one, is none', async (t) => {
  for (const text of ['', 'le:s16', 'xe:s16/16>>0', 'le:s17/16>>0', 'le:s12/16>>5', 'le:s0/16>>0', 'le:s65/72>>0'])
    t.equal(parseScanType(text), null, text);
  t.match(parseScanType('le:s16/16X3>>0\n'), { repeat: 3, storageBytes: 2 });
});

t.test('each element lies at a multiple of its size, in the order of the indices', async (t) => {
  const element = (name: string, index: number, text: string) => ({ name, index, type: type(text) });
  const imu = [
    element('timestamp', 9, 'le:s64/64>>0'),
    ...['accel_x', 'accel_y', 'accel_z'].map((name, i) => element(name, i, 'le:s16/16>>0')),
  ];
  const padded = layOutScan(imu);
  t.same(
    [...padded.offsets],
    [
      ['accel_x', 0],
      ['accel_y', 2],
      ['accel_z', 4],
      ['timestamp', 8],
    ],
  );
  t.equal(padded.bytes, 16, 'the timestamp is at 8, behind two bytes of nothing');
  t.equal(layOutScan(imu.slice(1)).bytes, 6);
  const mixed = layOutScan([
    element('a', 0, 'le:s8/8>>0'),
    element('b', 1, 'le:s32/32>>0'),
    element('c', 2, 'le:s8/8>>0'),
  ]);
  t.same([...mixed.offsets.values()], [0, 4, 8]);
  t.equal(mixed.bytes, 12, 'the whole is a multiple of the largest');
});
