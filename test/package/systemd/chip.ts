import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeChipBundle } from '../../fakes/daemon-on-chip.ts';
import { insertChip } from '../../fakes/stand-in-chip.ts';

/** chip.ts DIRECTORY: puts a stand-in libhailort, its empty script, and a bundle for it there: bundle/ with ONNX and .hef. */
const directory = process.argv[2];
if (directory === undefined) throw new RangeError('chip.ts: name a directory.');
rmSync(directory, { recursive: true, force: true });
const chip = insertChip({
  testdir: () => {
    mkdirSync(join(directory, 'bundle'), { recursive: true });
    return directory;
  },
});
writeChipBundle(chip);
