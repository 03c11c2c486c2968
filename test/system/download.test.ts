import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type DownloadOptions, download, fileNameOf } from '../../src/system/download.ts';
import {
  type Answer,
  type Certificate,
  makeCertificate,
  opensslMissing,
  sendFile,
  sendHalf,
  serve,
  sha256,
} from './https-server.ts';

const skip = opensslMissing();
const authorities = t.testdir({ ours: {}, strange: {} });
const certificate: Certificate =
  skip === false ? makeCertificate(join(authorities, 'ours')) : { key: '', cert: '', ca: '' };
const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
const HALF = 100_000;

/** Downloads from a server that answers so, into a directory of the test's own. */
async function setUp(t: Test, ...answers: readonly Answer[]) {
  const server = await serve(t, certificate, ...answers);
  const directory = t.testdir();
  const retries: string[] = [];
  const onProgress = ({ bytes }: { bytes: number }) => void (bytes === HALF && server.cut());
  const run = (options: Partial<DownloadOptions> = {}, url = server.url) =>
    download(url, {
      directory,
      ca: certificate.ca,
      onProgress,
      pausesMs: [1, 1, 1],
      onRetry: (why) => retries.push(why),
      ...options,
    });
  return { ...server, directory, retries, run, names: () => readdirSync(directory).sort() };
}

t.test('a file arrives whole, under its name, with its digest', { skip }, async (t) => {
  const { run, directory, names, requests, retries } = await setUp(t, sendFile(CONTENT));
  const seen: { bytes: number; total: number | null }[] = [];
  const file = join(directory, 'walk-1.tcnmodel');
  const expected = sha256(CONTENT);
  const found = await run({ sha256: expected.toUpperCase(), onProgress: (progress) => seen.push(progress) });
  t.same(found, { file, bytes: CONTENT.length, sha256: expected });
  t.ok(readFileSync(file).equals(CONTENT));
  t.same(names(), ['walk-1.tcnmodel']);
  t.same(seen.at(-1), { bytes: CONTENT.length, total: CONTENT.length });
  t.match(requests, [{ 'accept-encoding': 'identity', range: undefined }]);
  t.same(retries, []);
});

t.test('a connection cut in the middle: the rest is asked for, and nothing twice', { skip }, async (t) => {
  const { run, requests, retries, names } = await setUp(t, sendHalf(CONTENT, HALF), sendFile(CONTENT));
  const found = await run();
  t.equal(found.sha256, sha256(CONTENT));
  t.match(requests[1], { range: `bytes=${HALF}-`, 'if-range': '"v1"' });
  t.match(retries, [/the connection to localhost:\d+ failed/]);
  t.same(names(), ['walk-1.tcnmodel']);
});

t.test('a run that gave up is gone on with by the next one', { skip }, async (t) => {
  const { run, requests, names, directory } = await setUp(t, sendHalf(CONTENT, HALF), sendFile(CONTENT));
  await t.rejects(run({ pausesMs: [] }), {
    code: 'UNAVAILABLE',
    message:
      /could not be downloaded: .* also after 0 retries\. 100000 bytes are kept, and another run goes on from there\./,
  });
  t.same(names(), ['walk-1.tcnmodel.part', 'walk-1.tcnmodel.part.json']);
  t.equal(readFileSync(join(directory, 'walk-1.tcnmodel.part')).length, HALF);
  t.equal((await run()).sha256, sha256(CONTENT));
  t.equal(requests[1]?.range, `bytes=${HALF}-`);
  t.same(names(), ['walk-1.tcnmodel']);
});

t.test('a run that ended after the last byte has nothing left to fetch', { skip }, async (t) => {
  const { run, requests, directory } = await setUp(t, sendHalf(CONTENT, HALF), sendFile(CONTENT));
  await t.rejects(run({ pausesMs: [] }));
  writeFileSync(join(directory, 'walk-1.tcnmodel.part'), CONTENT);
  t.equal((await run({ sha256: sha256(CONTENT) })).bytes, CONTENT.length);
  t.equal(requests[1]?.range, `bytes=${CONTENT.length}-`);
});

t.test('more than the server has is thrown away and fetched anew', { skip }, async (t) => {
  const { run, requests, directory } = await setUp(t, sendHalf(CONTENT, HALF), sendFile(CONTENT));
  await t.rejects(run({ pausesMs: [] }));
  writeFileSync(join(directory, 'walk-1.tcnmodel.part'), Buffer.concat([CONTENT, CONTENT]));
  t.equal((await run()).sha256, sha256(CONTENT));
  t.equal(requests.length, 3);
  t.equal(requests[2]?.range, undefined);
});

const other = Buffer.from(CONTENT.toReversed());
const ignoresRange: Answer = (_, response) =>
  response.writeHead(200, { 'content-length': CONTENT.length }).end(CONTENT);
/** 206 of another version, although If-Range forbids it; then the truth. */
const ignoresIfRange: Answer = (request, response) => {
  if (request.headers.range === undefined) return sendFile(other, '"v2"')(request, response);
  const range = { 'content-range': `bytes ${HALF}-${other.length - 1}/${other.length}`, etag: '"v2"' };
  response.writeHead(206, range).end(other.subarray(HALF));
};
const wrongStart: Answer = (request, response) => {
  if (request.headers.range === undefined) return sendFile(CONTENT)(request, response);
  response
    .writeHead(206, { 'content-range': `bytes 0-99/${CONTENT.length}`, etag: '"v1"' })
    .end(CONTENT.subarray(0, 100));
};
const anew: readonly [
  what: string,
  headers: Record<string, string>,
  then: Answer,
  content: Buffer,
  range: RegExp | undefined,
][] = [
  ['ignores ranges', { etag: '"v1"' }, ignoresRange, CONTENT, /bytes=/],
  ['has another version by now', { etag: '"v1"' }, sendFile(other, '"v2"'), other, /bytes=/],
  ['has another version and no If-Range', { etag: '"v1"' }, ignoresIfRange, other, /bytes=/],
  ['sends another range than asked for', { etag: '"v1"' }, wrongStart, CONTENT, /bytes=/],
  ['has a weak ETag only', { etag: 'W/"v1"' }, sendFile(CONTENT), CONTENT, undefined],
  ['names no version at all', {}, sendFile(CONTENT), CONTENT, undefined],
];
for (const [what, headers, then, content, range] of anew) {
  t.test(`a server that ${what}: the file is fetched anew, and is never mixed`, { skip }, async (t) => {
    const { run, requests, directory } = await setUp(t, sendHalf(CONTENT, HALF, headers), then);
    const { sha256: found, file } = await run();
    t.equal(found, sha256(content));
    t.ok(readFileSync(file).equals(content));
    if (range) t.match(requests[1]?.range, range);
    else t.equal(requests[1]?.range, undefined);
    t.same(readdirSync(directory), ['walk-1.tcnmodel']);
  });
}

t.test('Last-Modified serves where there is no ETag', { skip }, async (t) => {
  const at = 'Sat, 21 Nov 2026 10:00:00 GMT';
  const { run, requests } = await setUp(t, sendHalf(CONTENT, HALF, { 'last-modified': at }), sendFile(CONTENT, at));
  t.equal((await run()).sha256, sha256(CONTENT));
  t.match(requests[1], { range: `bytes=${HALF}-`, 'if-range': at });
});

t.test('what is kept of one address is not used for another', { skip }, async (t) => {
  const { run, requests, url } = await setUp(t, sendHalf(CONTENT, HALF), sendFile(CONTENT));
  await t.rejects(run({ pausesMs: [], file: 'model' }));
  t.equal((await run({ file: 'model' }, `${url}?version=2`)).sha256, sha256(CONTENT));
  t.equal(requests[1]?.range, undefined);
});

t.test('a note that is damaged is no note', { skip }, async (t) => {
  const { run, requests, directory } = await setUp(t, sendFile(CONTENT));
  writeFileSync(join(directory, 'walk-1.tcnmodel.part'), 'rubbish');
  writeFileSync(join(directory, 'walk-1.tcnmodel.part.json'), '{"address":');
  t.equal((await run()).sha256, sha256(CONTENT));
  t.equal(requests[0]?.range, undefined);
});

t.test('a file that is too large is refused by its header, and nothing is kept', { skip }, async (t) => {
  const { run, names } = await setUp(t, sendFile(CONTENT));
  await t.rejects(run({ maxBytes: 299_999 }), { code: 'MODEL_INVALID', message: /is larger than 299999 bytes/ });
  t.same(names(), []);
  t.equal((await run({ maxBytes: 300_000 })).bytes, 300_000);
});

t.test('a file that grows too large on the way is cut off, and nothing is kept', { skip }, async (t) => {
  const endless: Answer = (_, response) => {
    response.writeHead(200, { etag: '"v1"' });
    const more = () => void (response.destroyed || response.write(CONTENT, more));
    more();
  };
  const { run, names } = await setUp(t, endless);
  await t.rejects(run({ maxBytes: 1_000_000 }), { code: 'MODEL_INVALID', message: /is larger than 1000000 bytes/ });
  t.same(names(), []);
});

t.test('another digest: both are told, and the file is deleted', { skip }, async (t) => {
  const { run, names } = await setUp(t, sendFile(CONTENT));
  const message = new RegExp(`its sha256 is ${sha256(CONTENT)}, expected ${'0'.repeat(64)}`);
  await t.rejects(run({ sha256: '0'.repeat(64) }), { code: 'MODEL_INVALID', message });
  t.same(names(), []);
  await t.rejects(run({ sha256: 'abc' }), { code: 'USAGE', message: /64 hex digits/ });
});

const redirectTo =
  (location?: string): Answer =>
  (_, response) =>
    void response.writeHead(302, location === undefined ? {} : { location }).end('elsewhere');

t.test('redirects are followed, to https only, and not for ever', { skip }, async (t) => {
  const { run, requests } = await setUp(
    t,
    redirectTo('/a'),
    redirectTo('b?c'),
    redirectTo('/d'),
    redirectTo('/e'),
    redirectTo('/f'),
    sendFile(CONTENT),
  );
  t.equal((await run()).sha256, sha256(CONTENT));
  t.equal(requests.length, 6);
  const loop = await setUp(t, redirectTo('/again'));
  await t.rejects(loop.run(), { code: 'UNAVAILABLE', message: /more than 5 redirects/ });
  t.equal(loop.requests.length, 6);
  const plain = await setUp(t, redirectTo('http://user:secret@localhost/x?token=1'));
  await t.rejects(plain.run(), {
    code: 'UNAVAILABLE',
    message: /redirects to http:\/\/localhost\/x, which is not https/,
  });
  const lost = await setUp(t, redirectTo());
  await t.rejects(lost.run(), { code: 'UNAVAILABLE', message: /redirects without saying where/ });
});

t.test('http and what is no URL are refused, and no secret is shown', async (t) => {
  const directory = t.testdir();
  const refusal = (url: string) =>
    download(url, { directory }).then(
      () => null,
      (error) => error,
    );
  const plain = await refusal('http://user:secret@host/m?token=secret');
  t.match(plain, { code: 'USAGE', message: /^http:\/\/host\/m cannot be used: .* https only/ });
  t.notMatch(plain.message, /secret/);
  const none = await refusal('//user:secret@host');
  t.match(none, { code: 'USAGE', message: /is no URL/ });
  t.notMatch(none.message, /secret/);
  t.same(readdirSync(directory), []);
});

t.test('user and password are sent to the server and shown to nobody', { skip }, async (t) => {
  const { run, requests, port, directory } = await setUp(t, sendHalf(CONTENT, HALF), (_, response) =>
    response.writeHead(403).end(),
  );
  const error = await run({}, `https://user:secret@localhost:${port}/m.bin?key=secret`).then(
    () => null,
    (thrown) => thrown,
  );
  t.match(error, { code: 'UNAVAILABLE', message: /m\.bin cannot be downloaded: .* status 403; check what is needed/ });
  t.equal(requests[0]?.authorization, `Basic ${Buffer.from('user:secret').toString('base64')}`);
  t.notMatch(error.message, /secret/);
  t.notMatch(readFileSync(join(directory, 'm.bin.part.json'), 'utf8'), /secret/);
});

t.test('an answer that will not change is not asked for again; a busy server is', { skip }, async (t) => {
  const status =
    (code: number): Answer =>
    (_, response) =>
      void response.writeHead(code).end();
  const gone = await setUp(t, status(404));
  await t.rejects(gone.run(), { code: 'UNAVAILABLE', message: /status 404; check the address/ });
  t.equal(gone.requests.length, 1);
  const busy = await setUp(t, status(503), status(429), sendFile(CONTENT));
  t.equal((await busy.run()).sha256, sha256(CONTENT));
  t.match(busy.retries, [/status 503/, /status 429/]);
  const down = await setUp(t, status(500));
  await t.rejects(down.run(), { code: 'UNAVAILABLE', message: /status 500, also after 3 retries\. Check the network/ });
  t.equal(down.requests.length, 4);
  const partly = await setUp(t, status(206));
  await t.rejects(partly.run(), { code: 'UNAVAILABLE', message: /status 206/ });
  const packed = await setUp(t, (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'));
  await t.rejects(packed.run(), { code: 'UNAVAILABLE', message: /comes as gzip, which was not asked for/ });
});

t.test('a server that is silent, or as good as silent, is left', { skip }, async (t) => {
  const timers: NodeJS.Timeout[] = [];
  t.teardown(() => timers.forEach(clearInterval));
  const silent = await setUp(t, () => {}, sendFile(CONTENT));
  t.equal((await silent.run({ idleMs: 100 })).sha256, sha256(CONTENT));
  t.match(silent.retries, [/sent nothing for 100 ms/]);
  const drips: Answer = (_, response) => {
    response.writeHead(200, { etag: '"v1"', 'content-length': CONTENT.length });
    timers.push(setInterval(() => response.write(CONTENT.subarray(0, 1)), 10));
  };
  const slow = await setUp(t, drips);
  await t.rejects(slow.run({ idleMs: 100, pausesMs: [] }), {
    code: 'UNAVAILABLE',
    message: /sent only \d+ bytes in 100 ms/,
  });
});

t.test('retries are counted anew after headway, not for ever', { skip }, async (t) => {
  const large = Buffer.alloc(5 << 20, 'x');
  const stepwise: Answer = (request, response) => {
    const start = Number(/bytes=([0-9]+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const end = Math.min(start + (1 << 20), large.length);
    const range = { 'content-range': `bytes ${start}-${large.length - 1}/${large.length}` };
    response.writeHead(start > 0 ? 206 : 200, {
      etag: '"v1"',
      'content-length': large.length - start,
      ...(start > 0 && range),
    });
    if (end === large.length) response.end(large.subarray(start));
    else response.write(large.subarray(start, end));
  };
  const { run, cut } = await setUp(t, stepwise);
  const onProgress = ({ bytes }: { bytes: number }) => void (bytes % (1 << 20) === 0 && cut());
  t.equal((await run({ pausesMs: [1], onProgress })).bytes, large.length);
  const stuck = await setUp(t, sendHalf(CONTENT, HALF, {}));
  await t.rejects(stuck.run({ pausesMs: [1, 1] }), {
    code: 'UNAVAILABLE',
    message: /after 2 retries\. Check the network/,
  });
  t.equal(stuck.requests.length, 3);
});

t.test('it can be stopped at any time, and gone on with', { skip }, async (t) => {
  const stop = new AbortController();
  const waits: Answer = (_, response) => {
    response.writeHead(200, { etag: '"v1"', 'content-length': CONTENT.length });
    response.write(CONTENT.subarray(0, HALF));
  };
  const { run } = await setUp(t, waits, sendFile(CONTENT));
  const onProgress = ({ bytes }: { bytes: number }) => void (bytes === HALF && stop.abort());
  await t.rejects(run({ signal: stop.signal, onProgress }), {
    code: 'UNAVAILABLE',
    message: /was stopped\. 100000 bytes are kept/,
  });
  t.equal((await run()).sha256, sha256(CONTENT));
  const before = await setUp(t, sendFile(CONTENT));
  await t.rejects(before.run({ signal: AbortSignal.abort() }), { message: /was stopped\.$/ });
  const pausing = await setUp(t, (_, response) => response.writeHead(503).end());
  const later = new AbortController();
  const paused = pausing.run({
    signal: later.signal,
    pausesMs: [600_000],
    onRetry: () => setImmediate(() => later.abort()),
  });
  await t.rejects(paused, { message: /was stopped\.$/ });
});

t.test('a certificate that is not trusted, or of another name, is told with the remedy', { skip }, async (t) => {
  const { run, port, requests, names } = await setUp(t, sendFile(CONTENT));
  const strange = makeCertificate(join(authorities, 'strange')).ca;
  await t.rejects(run({ ca: strange }), {
    code: 'UNAVAILABLE',
    message: /^localhost:\d+ shows a certificate that this machine does not trust \([A-Z_]+\): .* NODE_EXTRA_CA_CERTS/,
  });
  await t.rejects(run({}, `https://127.0.0.1:${port}/x`), {
    code: 'UNAVAILABLE',
    message: /certificate for another name/,
  });
  t.equal(requests.length, 0);
  t.same(names(), []);
});

t.test('who speaks no TLS, or is not there, is told', { skip }, async (t) => {
  const { run } = await setUp(t, sendFile(CONTENT));
  const plain = createServer((_, response) => response.end());
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  const { port } = plain.address() as AddressInfo;
  t.teardown(() => plain.close());
  await t.rejects(run({}, `https://localhost:${port}/x`), {
    code: 'UNAVAILABLE',
    message: /does not speak TLS as it should/,
  });
  await t.rejects(run({}, 'https://localhost:1/x'), { code: 'UNAVAILABLE', message: /ECONNREFUSED.* after 3 retries/ });
});

t.test('a full disk is told, and what is there is kept', { skip }, async (t) => {
  const { run, names, requests } = await setUp(t, sendFile(CONTENT));
  const fills = (async (path: string, flags: number, mode?: number) => {
    const handle: FileHandle = await open(path, flags, mode);
    const write = handle.writeFile.bind(handle);
    let left = HALF;
    handle.writeFile = async (chunk: Uint8Array) => {
      const fitting = Math.min(left, chunk.length);
      left -= fitting;
      await write(chunk.subarray(0, fitting));
      if (fitting < chunk.length) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    };
    return handle;
  }) as typeof open;
  await t.rejects(run({ openFile: fills }), {
    code: 'STORE_FAILED',
    message: /no space left for .*\.part: .* run this again/,
  });
  t.same(names(), ['walk-1.tcnmodel.part', 'walk-1.tcnmodel.part.json']);
  t.equal((await run({ sha256: sha256(CONTENT) })).bytes, CONTENT.length);
  t.equal(requests[1]?.range, `bytes=${HALF}-`, 'also what was written of the chunk that did not fit');
});

t.test('where nothing can be written, that is told; a link is not followed', { skip }, async (t) => {
  const { run, directory } = await setUp(t, sendFile(CONTENT));
  await t.rejects(run({ directory: join(directory, 'nowhere') }), {
    code: 'STORE_FAILED',
    message: /cannot be written: ENOENT/,
  });
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'mine');
  symlinkSync(victim, join(directory, 'walk-1.tcnmodel.part'));
  await t.rejects(run(), { code: 'STORE_FAILED', message: /ELOOP/ });
  t.equal(readFileSync(victim, 'utf8'), 'mine');
  mkdirSync(join(directory, 'taken'));
  await t.rejects(run({ file: 'taken' }), { code: 'STORE_FAILED' });
  t.ok(existsSync(join(directory, 'taken')));
});

t.test('the name is the last part of the address where that is a plain one', async (t) => {
  const name = (path: string) => fileNameOf(new URL(`https://host${path}`));
  t.same(['/a/walk-1.tcnmodel?x=1', '/', '/a/', '/..%2f..%2fetc', '/.bashrc', `/${'x'.repeat(300)}`].map(name), [
    'walk-1.tcnmodel',
    'download',
    'download',
    'download',
    'download',
    'download',
  ]);
});
