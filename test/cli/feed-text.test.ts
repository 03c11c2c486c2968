import t from 'tap';
import { parseFeed } from '../../src/cli/feed-options.ts';
import type { Recording, Sample } from '../../src/cli/feed-recording.ts';
import { openText } from '../../src/cli/feed-text.ts';

const NINE = '1,2,9.81,0,0,0,22,0,-43';
const NAMES = 'ax,ay,az,gx,gy,gz,mx,my,mz';
const rows = (count: number, of: (i: number) => string) => Array.from({ length: count }, (_, i) => of(i)).join('\n');

/** Handed over in small pieces, so that nothing depends on where they end. */
async function* pieces(text: string, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Noise that is the same each time. */
function createGaussian(sd: number): () => number {
  let state = 12345;
  const uniform = () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return (state + 1) / 2 ** 31;
  };
  return () => sd * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

async function open(text: string, line = '', isLive = false): Promise<Recording> {
  const options = parseFeed(['x', ...line.split(' ').filter((word) => word !== '')]);
  if (options === null) throw new Error('help');
  return openText({ name: 'walk.csv', chunks: pieces(text), isLive, isFile: !isLive, close: () => {} }, options.text);
}

async function all(recording: Recording): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of recording.samples()) samples.push(sample);
  return samples;
}

t.test('times in s, ms, µs and ns are told apart by their steps', async (t) => {
  const units: [unit: string, step: number, hz: number][] = [
    ['s', 0.01, 100],
    ['ms', 10, 100],
    ['us', 10_000, 100],
    ['ns', 10_000_000, 100],
    ['ms', 20, 50],
    ['s', 0.02, 50],
    ['us', 500, 2000],
    ['s', 0.2, 5],
  ];
  for (const [unit, step, hz] of units) {
    const recording = await open(`timestamp,${NAMES}\n${rows(50, (i) => `${i * step},${NINE}`)}`);
    t.equal(recording.rateHz, hz, `${step} ${unit}`);
    t.match(recording.understood.at(-1), `times from timestamp (${unit}, by its steps): ${hz} Hz`);
    t.equal(Math.round((await all(recording))[49]?.timeMs ?? 0), Math.round((49 * 1000) / hz));
  }
});

t.test('the header or the command line say the unit better than the steps do', async (t) => {
  const said = await open(`time_s,${NAMES}\n${rows(50, (i) => `${i / 50},${NINE}`)}`);
  t.match(said.understood.at(-1), 'times from time_s (s): 50 Hz');
  const odd = `timestamp,${NAMES}\n${rows(50, (i) => `${i},${NINE}`)}`;
  t.match((await open(odd)).rateHz, 1000, 'steps of one are milliseconds');
  await t.rejects(open(odd, '--time-unit s'), {
    code: 'INVALID_INPUT',
    message: /read as s, .* at 1 Hz; .*5 to 2000 Hz/,
  });
});

t.test('dates and times are times', async (t) => {
  const at = (i: number) => `2026-11-21T20:00:0${Math.floor(i / 100)}.${String((i % 100) * 10).padStart(3, '0')}Z`;
  const recording = await open(`time,${NAMES}\n${rows(300, (i) => `${at(i)},${NINE}`)}`);
  t.equal(recording.rateHz, 100);
});

t.test('jitter, gaps, and times that came in bursts are said', async (t) => {
  const jittery = await open(`t_ms,${NAMES}\n${rows(200, (i) => `${i * 10 + (i % 2) * 4},${NINE}`)}`);
  t.match(jittery, { rateHz: 100, warnings: [/jitter by 40 %/] });
  t.same(
    (await all(jittery)).map(({ seq }) => seq),
    Array.from({ length: 200 }, (_, i) => i),
    'and no gaps for it',
  );
  const gappy = await open(`t_ms,${NAMES}\n${rows(200, (i) => `${(i < 90 ? i : i + 7) * 10},${NINE}`)}`);
  t.match(gappy, { rateHz: 100, warnings: [/1 of the first 199 steps of t_ms are gaps/] });
  t.equal((await all(gappy))[90]?.seq, 97);
  const bursts = await open(`t_ms,${NAMES}\n${rows(200, (i) => `${Math.floor(i / 10) * 100},${NINE}`)}`);
  t.match(bursts, { rateHz: 100, warnings: [/90 % of the times .* evenly spaced/] });
  t.equal((await all(bursts))[15]?.timeMs, 150);
});

t.test('however much the times jitter the rate is found, and nothing is taken for a gap', async (t) => {
  for (const sd of [2, 3, 5, 12]) {
    const noise = createGaussian(sd);
    const text = `t_ms,${NAMES}\n${rows(3000, (i) => `${(5000 + i * 10 + noise()).toFixed(3)},${NINE}`)}`;
    for (const isLive of [false, true]) {
      const recording = await open(isLive ? `\n${text}` : text, '', isLive);
      t.equal(recording.rateHz, 100, `${sd} ms${isLive ? ', by its first rows' : ''}`);
      t.equal((await all(recording)).at(-1)?.seq, 2999);
      t.equal(recording.tally.jumps, 0);
    }
  }
});

t.test('among times that jitter an obvious pause is still one', async (t) => {
  const noise = createGaussian(2);
  const at = (i: number) => (i < 500 ? i : i + 300) * 10 + noise();
  const recording = await open(`t_ms,${NAMES}\n${rows(1000, (i) => `${at(i).toFixed(3)},${NINE}`)}`);
  t.match(recording, { rateHz: 100, warnings: [/1 of the first 999 steps of t_ms are gaps/] });
  await all(recording);
  t.equal(recording.tally.jumps, 1);
});

t.test('without times the rate must be said, and with both they are compared', async (t) => {
  await t.rejects(open(`${NAMES}\n${rows(20, () => NINE)}`), {
    code: 'USAGE',
    message: /no column with times: .*--rate 100/,
  });
  const samples = await all(await open(`${NAMES}\n${rows(20, () => NINE)}`, '--rate 50'));
  t.same([samples[1]?.timeMs, samples[19]?.seq], [20, 19]);
  const both = await open(`t_ms,${NAMES}\n${rows(20, (i) => `${i * 20},${NINE}`)}`, '--rate 100');
  t.match(both, { rateHz: 100, warnings: [/--rate says 100 Hz, the times of t_ms say 50 Hz: they are not used/] });
  t.same(
    (await all(both)).map(({ seq, timeMs }) => [seq, timeMs]),
    Array.from({ length: 20 }, (_, i) => [i, i * 10]),
  );
});

t.test('without a column of times those that were not used are named', async (t) => {
  const text = `wann,temp,${NAMES}\n${rows(20, (i) => `${i * 10},20,${NINE}`)}`;
  await t.rejects(open(text), { code: 'USAGE', message: /no column with times \(not used: wann, temp; --columns / });
});

t.test('a unit of times that are not there is told', async (t) => {
  await t.rejects(open(`${NAMES}\n${rows(20, () => NINE)}`, '--rate 50 --time-unit ms'), {
    code: 'USAGE',
    message: /--time-unit .* walk\.csv has no column with times/,
  });
});

t.test('CSV as it is found: semicolons, tabs, blanks, quotes, comments, decimal commas, a BOM, CRLF', async (t) => {
  const values = [1, 2, Math.fround(9.81), 0, 0, 0, 22, 0, -43];
  const files: Record<string, string> = {
    semicolons: `\uFEFFt_ms;${NAMES.replaceAll(',', ';')}\r\n${rows(20, (i) => `${i * 10};1;2;9,81;0;0;0;22;0;-43`)}`,
    tabs: `t_ms,${NAMES}\n${rows(20, (i) => `${i * 10},${NINE}`)}`.replaceAll(',', '\t'),
    blanks: `# a log\nt_ms ${NAMES.replaceAll(',', ' ')}\n${rows(20, (i) => `  ${i * 10}  ${NINE.replaceAll(',', '   ')}`)}`,
    quotes: `"t_ms",${NAMES}\n\n# said\n${rows(20, (i) => `"${i * 10}", ${NINE.replaceAll(',', ' , ')}`)}\n\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    const samples = await all(await open(text));
    t.equal(samples.length, 20, name);
    t.same([...(samples[7]?.values ?? [])], values, name);
  }
});

t.test('NDJSON: flat objects, vectors, arrays', async (t) => {
  const flat = rows(20, (i) =>
    JSON.stringify({ t: i * 10, mx: 22, my: 0, mz: -43, ax: 1, ay: 2, az: 9.81, gx: 0, gy: 0, gz: 0 }),
  );
  const deep = rows(20, (i) =>
    JSON.stringify({ t: i * 10, acc: [1, 2, 9.81], gyro: { x: 0, y: 0, z: 0 }, mag: [22, 0, -43] }),
  );
  const arrays = rows(20, (i) => `[${i * 10},${NINE}]`);
  for (const [text, line] of [[flat], [deep], [arrays, `--columns t,${NAMES}`]] as const) {
    const samples = await all(await open(text, line));
    t.equal(samples.length, 20);
    t.same([...(samples[3]?.values ?? [])], [1, 2, Math.fround(9.81), 0, 0, 0, 22, 0, -43]);
    t.equal(samples[3]?.timeMs, 30);
  }
});

t.test('NaN, null, nothing and infinity are missing samples, whose numbers are left out', async (t) => {
  for (const absent of ['', 'NaN', 'null', 'n/a', 'inf', '-Infinity']) {
    const recording = await open(
      `t_ms,${NAMES}\n${rows(20, (i) => `${i * 10},${i === 5 ? `${absent},2,3,4,5,6,7,8,9` : NINE}`)}`,
    );
    t.notOk(
      (await all(recording)).some(({ seq }) => seq === 5),
      absent,
    );
    t.match(recording.tally, { missing: 1, bad: 0 });
  }
});

t.test('what cannot be read is told with its line and what to do', async (t) => {
  const broken = (text: string) => `t_ms,${NAMES}\n${rows(20, (i) => (i === 5 ? text : `${i * 10},${NINE}`))}`;
  const cases: [text: string, line: string, message: RegExp][] = [
    [broken('50,1,2'), '', /^walk\.csv:7: the line has 3 cells, the first line has 10\..*--skip-bad/],
    [broken(`50,x${NINE.slice(1)}`), '', /^walk\.csv:7: the line has "x" as ax, which is no number/],
    [broken(`soon,${NINE}`), '', /^walk\.csv:7: the line has "soon" as t_ms, which is no time/],
    ['{"ax": 1\n', '', /^walk\.csv:1: the line is no JSON/],
    [`${NAMES}\n${NINE}\n`, '', /--rate 100/],
    [rows(20, () => NINE), '', /has 9 columns and no header.*--columns ax,ay/],
    [rows(20, (i) => `${i},${NINE}`), '', /has 10 columns and no header.*--columns t_ms,ax/],
    [rows(20, () => NINE), '--columns ax,ay', /--columns names 2 columns, walk\.csv has 9/],
    [rows(20, (i) => `${i},${NINE}`), `--columns ${NAMES}`, /--columns names 9 columns, walk\.csv has 10/],
    ['', '', /is empty/],
    [`t_ms,${NAMES}\n`, '', /no column with times|no two times|no samples/],
    [broken(`"${'x'.repeat(70_000)}`), '', /^walk\.csv:\d+: this is no CSV from here on/],
  ];
  for (const [text, line, message] of cases) await t.rejects(open(text, line).then(all), { message }, String(message));
});

t.test('--skip-bad goes over a line that is no JSON', async (t) => {
  const text = rows(30, (i) => (i === 9 ? '{"t": 9' : `[${i * 10},${NINE}]`));
  const recording = await open(text, `--skip-bad --columns t,${NAMES}`);
  t.equal((await all(recording)).length, 29);
  t.equal(recording.tally.bad, 1);
});

t.test('of a line that was there before us the first half line is left out', async (t) => {
  const text = `7,0,-43\n${rows(80, (i) => `${i * 10},${NINE}`)}`;
  const recording = await open(text, `--columns t_ms,${NAMES}`, true);
  t.equal((await all(recording)).length, 80);
});
