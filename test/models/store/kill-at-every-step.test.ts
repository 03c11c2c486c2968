import t from 'tap';
import { reasonToSkip, runKillMatrix, toTable } from '../../fakes/kill-matrix.ts';

/** The others commit in the same way; scripts/kill-matrix.ts runs them all. */
const OPERATIONS = ['install', 'activate', 'roll back', 'promote', 'remove'];
/** A hundred processes one after the other, on a machine that has other things to do. */
const timeout = 110_000;

t.test(
  'a process that is killed at any system call leaves the old store or the new',
  { skip: reasonToSkip(), timeout },
  async (t) => {
    const rows = await runKillMatrix(t.testdir({}), OPERATIONS);
    t.comment(`\n${toTable(rows)}`);
    t.strictSame(
      rows.flatMap(({ operation, neither }) => neither.map((what) => `${operation}, ${what}`)),
      [],
    );
    for (const { operation, steps, old, new: changed } of rows) {
      t.ok(
        steps > 4 && old > 0 && changed > 0 && old + changed === steps,
        `${operation}: killed before and after its commit`,
      );
    }
  },
);
