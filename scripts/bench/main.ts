import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureDaemon } from './daemon-figures.ts';
import { measureDoors } from './doors.ts';
import { measureFrameworks } from './frameworks.ts';
import { requireGcc } from './open-loop.ts';
import { measureOverload } from './overload.ts';
import type { Goal, Part } from './part.ts';
import { measureReference } from './reference.ts';
import { runScript } from './script.ts';
import { measureStreams } from './streams.ts';
import { toMarkdown } from './swap-figures.ts';
import { requireWrk } from './wrk.ts';

/**
 * `npm run bench [-- --quick] [--only PART]…`: every figure of the README's tables in one run, so that their ratios mean
 * something on a machine that is shared. Servers without a model are pinned to core 0 and the load to core 1; the CPU
 * model may use both.
 */
const PARTS: Readonly<Record<string, Part>> = {
  parser: async () => {
    console.log(`## Parser\n\n${await runScript('parser.ts')}`);
    return [];
  },
  daemon: measureDaemon,
  doors: measureDoors,
  overload: measureOverload,
  streams: measureStreams,
  frameworks: measureFrameworks,
  reference: measureReference,
};

const { values } = parseArgs({ options: { quick: { type: 'boolean' }, only: { type: 'string', multiple: true } } });
const chosen = values.only ?? Object.keys(PARTS);
const unknown = chosen.filter((name) => !Object.hasOwn(PARTS, name));
if (unknown.length > 0) {
  console.error(`--only takes ${Object.keys(PARTS).join(', ')}, not ${unknown.join(', ')}.`);
  process.exit(1);
}
requireWrk();
requireGcc();
const directory = mkdtempSync(join(tmpdir(), 'sidecar-bench-'));
try {
  await main();
} finally {
  rmSync(directory, { recursive: true });
}

async function main(): Promise<void> {
  const goals: Goal[] = [];
  for (const [name, part] of Object.entries(PARTS)) {
    if (chosen.includes(name)) goals.push(...(await part({ directory, seconds: values.quick ? 1 : 4 })));
  }
  const rows = goals.map(({ what, goal, seen, byCpu }) => [what, goal, seen, byCpu]);
  console.log(
    `## Ratios\n\n${toMarkdown(['ratio, at 8 connections if not said', 'goal', 'seen', 'by CPU time'], rows)}`,
  );
}
