import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { feedCommand } from '../../src/cli/feed.ts';
import { PATIENCE } from '../../src/cli/feed-tries.ts';
import { createIo } from '../../src/cli/io.ts';
import { reachUrl } from '../../src/reach.ts';
import { restWindow, startTestDaemon } from '../fakes/daemon.ts';

t.test('a recording gets from the daemon what /infer says of its windows', async (t) => {
  const { url } = await startTestDaemon(t);
  const window = restWindow();
  const rows = Array.from({ length: 400 }, (_, i) => [i * 10, ...(window[i % 100] ?? [])].join(','));
  const file = join(t.testdir(), 'rest.csv');
  writeFileSync(file, `t_ms,ax,ay,az,gx,gy,gz,mx,my,mz\n${rows.join('\n')}\n`);
  const out: string[] = [];
  const err: string[] = [];
  const sink = (list: string[]) => ({
    write: (text: string) => list.push(text),
    writableNeedDrain: false,
    on: () => {},
  });
  const status = await feedCommand([file, '--latent', '--hop', '50'], createIo(sink(out), sink(err), {}), {
    reach: () => reachUrl(url, { tokenFile: null }),
    stdin: () => process.stdin,
    stdout: sink(out),
    onInterrupt: () => () => {},
    patience: PATIENCE,
    now: () => performance.now(),
    random: Math.random,
  });
  t.equal(status, 0);
  const results = out.map((line) => JSON.parse(line));
  t.same(
    results.map((result) => result.start_ms),
    [0, 500, 1000, 1500, 2000, 2500, 3000],
  );
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/infer`, { method: 'POST', headers, body: JSON.stringify({ x: window }) });
  const { latent, motif_scores } = (await answer.json()) as { latent: number[]; motif_scores: number[] };
  t.same([results[2].latent, results[2].motif_scores], [latent, motif_scores]);
  t.match(err.join(''), /400 samples \(4\.0 s at 100 Hz\), 7 windows, 0 dropped, 0 gaps; imu-motif-tcn@.* on cpu/);
});
