import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { measure, printRows } from './cells.ts';
import { type Bench, type Goal, plain } from './part.ts';
import { inferRequests } from './requests.ts';
import { runScript } from './script.ts';
import { makeReferenceBundle, startDaemon } from './targets.ts';

const CONNECTIONS = [1, 8, 32, 100];
const NAME = '72 % model';

/** The published 72 % model: the daemon against a bare loop in one thread, taken before and after. */
export async function measureReference(bench: Bench): Promise<readonly Goal[]> {
  const bundle = await makeReferenceBundle(bench.directory);
  if (bundle === null) {
    console.log(`The published ${NAME} is not beside the repository: left out.\n`);
    return [];
  }
  const onnx = readdirSync(bundle).find((file) => file.endsWith('.onnx')) ?? '';
  const loop = async () => Number(await runScript('model-loop.ts', join(bundle, onnx), String(bench.seconds)));
  const before = await loop();
  const config = `model: {bundle: ${bundle}}\ninference: {allow_uncalibrated_motifs: true, deadline_ms: 2000}\n`;
  const target = await startDaemon(NAME, bench.directory, `backend: {kind: cpu}\n${config}`, null);
  const compact = inferRequests().slice(0, 1);
  const rows = await measure(bench, [{ target, requests: compact }], CONNECTIONS);
  const bare = (before + (await loop())) / 2;
  printRows('The published model', rows);
  const seen = rows.find(({ result }) => result.connections === 8)?.result.windowsPerSecond ?? Number.NaN;
  const what = `${NAME} through HTTP ÷ bare loop in one thread (${Math.round(bare)}/s)`;
  return [plain(what, '≥ 0.90', (seen / bare).toFixed(2))];
}
