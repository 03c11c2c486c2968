import t from 'tap';
import { createIo } from '../../src/cli/io.ts';
import { streamsCommand } from '../../src/cli/streams.ts';

const STREAM = {
  stream: 'aBcD',
  name: 'collar 17',
  peer: '127.0.0.1',
  connected: true,
  age_ms: 93_784_000,
  idle_ms: 12,
  rate_hz: 50,
  measured_rate_hz: 49.87,
  hop: 25,
  samples: 500,
  results: 30,
  dropped: 1,
  gaps: 2,
  resumed: 0,
  watchers: 0,
  waiting: 0,
  motif: 'walk',
};
const TOTALS = {
  ...{ opened: 3, resumed: 1, refused: { STREAMS_FULL: 2, NOT_READY: 1 }, samples: 700, gaps: 2, dropped: 1 },
  ...{ connected: 1, detached: 0, watchers: 0, declared: 4 },
};

async function run(argv: string[], streams: object[]) {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  const io = createIo({ write }, { write }, {});
  const asked: (string | null)[] = [];
  const status = await streamsCommand(argv, io, async (path) => {
    asked.push(path);
    return { totals: TOTALS, streams } as never;
  });
  return { status, text, asked };
}

t.test('a table of who streams, with what came of it, and what was since the start', async (t) => {
  const { status, text, asked } = await run(['--config', '/etc/x.yaml'], [STREAM]);
  t.same([status, asked], [0, ['/etc/x.yaml']]);
  t.same(text.split('\n'), [
    'STREAM  NAME       PEER       STATE      AGE    RATE       SAMPLES  RESULTS  DROPPED  GAPS  MOTIF',
    'aBcD    collar 17  127.0.0.1  connected  1d 2h  50 (49.9)  500      30       1        2     walk',
    'since the start: 3 opened, 1 resumed, 3 refused; 4 windows/s declared',
    '',
  ]);
});

t.test('nobody, and what waits', async (t) => {
  t.match((await run([], [])).text, /^No streams\.\n/);
  const waiting = { ...STREAM, connected: false, name: '', measured_rate_hz: null, motif: null, age_ms: 61_000 };
  t.match((await run([], [waiting])).text, /aBcD {4}- +127\.0\.0\.1 +waits +1m 1s +50 +500 .* -\n/);
});

t.test('the same for programs', async (t) => {
  const { text } = await run(['--json'], [STREAM]);
  t.same(JSON.parse(text), { ok: true, totals: TOTALS, streams: [STREAM] });
});
