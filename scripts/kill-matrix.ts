import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reasonToSkip, runKillMatrix, toTable } from '../test/fakes/kill-matrix.ts';

/** Prints the table of the README: what a killed process leaves of the model store. About a minute. */
const reason = reasonToSkip();
if (reason !== false) {
  console.error(`The matrix cannot be made: ${reason}.`);
  process.exit(69);
}
const directory = mkdtempSync(join(tmpdir(), 'kill-matrix-'));
try {
  const rows = await runKillMatrix(directory);
  console.log(toTable(rows));
  for (const { operation, neither } of rows) for (const what of neither) console.error(`${operation}, ${what}`);
  process.exitCode = rows.some(({ neither }) => neither.length > 0) ? 1 : 0;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
