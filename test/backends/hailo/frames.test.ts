import t from 'tap';
import { createDecoder, encodeFrame, KIND } from '../../../src/backends/hailo/frames.ts';
import { libraryCandidates } from '../../../src/backends/hailo/library.ts';
import { explainStatus, statusName } from '../../../src/backends/hailo/statuses.ts';

t.test('frames come out as they went in, however the channel cuts them', async (t) => {
  const frames = [1, 2, 3].map((ticket) => encodeFrame(KIND.window, ticket, Buffer.from('x'.repeat(ticket * 7))));
  const stream = Buffer.concat(frames);
  for (const size of [1, 5, 12, 13, stream.length]) {
    const seen: [number, number, string][] = [];
    const decode = createDecoder(({ kind, ticket, payload }) => void seen.push([kind, ticket, payload.toString()]));
    for (let at = 0; at < stream.length; at += size) decode(Buffer.from(stream.subarray(at, at + size)));
    t.same(
      seen,
      [1, 2, 3].map((ticket) => [KIND.window, ticket, 'x'.repeat(ticket * 7)]),
      `pieces of ${size}`,
    );
  }
});

t.test('a size that no peer of ours would send ends the reading instead of filling the memory', async (t) => {
  const huge = encodeFrame(KIND.window, 1, Buffer.alloc(0));
  huge.writeUInt32LE(1 << 30, 0);
  t.throws(() => createDecoder(() => {})(huge), RangeError);
});

t.test('the configured library alone, or the usual places with the newest first', async (t) => {
  t.same(libraryCandidates('/opt/libhailort.so', null), ['/opt/libhailort.so']);
  const root = t.testdir({
    usr: {
      lib: { 'libhailort.so.4.23.0': '', 'libhailort.so.bak': '' },
      local: { lib: { 'libhailort.so.4.9.0': '' } },
    },
  });
  const [newest, oldest] = [`${root}/usr/lib/libhailort.so.4.23.0`, `${root}/usr/local/lib/libhailort.so.4.9.0`];
  t.same(libraryCandidates(null, null, root), ['libhailort.so', newest, oldest]);
  t.same(
    libraryCandidates(null, 'hailo_pci 4.9.0', root),
    [oldest, 'libhailort.so', newest, oldest],
    'the driver’s own version first',
  );
});

t.test('a status has its name, its cause and what to do', async (t) => {
  t.same([statusName(4), statusName(999)], ['HAILO_TIMEOUT', 'status 999']);
  t.match(
    explainStatus('hailo_vstream_read_raw_buffer', 63),
    /^hailo_vstream_read_raw_buffer: HAILO_STREAM_ABORT\. .*dmesg/,
  );
  t.match(explainStatus('hailo_configure_vdevice', 8), /force_desc_page_size/);
  t.match(explainStatus('hailo_identify', 8), /HAILO_INTERNAL_FAILURE\. See/);
  t.match(explainStatus('hailo_create_vdevice', 6), /firmware/);
  t.match(explainStatus('hailo_create_vdevice', 999), /status 999\. See/);
});
