import { hostArch, stageProject } from '../packaging/project.ts';

/** npm run stage: the native files of this machine, where the sources look for them. */
try {
  const written = stageProject(hostArch());
  if (written.length > 0) console.log(`Staged in build/native/linux-${hostArch()}: ${written.join(', ')}`);
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
