import { join } from 'node:path';
import { hostArch, ROOT, stageProject } from '../packaging/project.ts';

/**
 * npm start: serves from the sources, with the repository's configuration unless another is named
 * (npm start -- --config FILE). In this one process, so that signals and the exit status are the daemon's own.
 */
const MAJOR = 24;

function prepare(): void {
  if (Number.parseInt(process.versions.node, 10) !== MAJOR) {
    throw new Error(
      `This is Node ${process.versions.node}, but the daemon runs on Node ${MAJOR}: run npm ci (it installs that, as an ` +
        'optional package), then npm start.',
    );
  }
  const written = stageProject(hostArch());
  if (written.length > 0) console.error(`Staged the native parts: ${written.join(', ')}`);
}

function serveArguments(given: readonly string[]): string[] {
  const namesConfig = given.some((argument) => argument === '--config' || argument.startsWith('--config='));
  const config = namesConfig ? [] : ['--config', join(ROOT, 'etc', 'hailo-tcn-sidecar.yaml')];
  return ['serve', '--format', 'pretty', ...config, ...given]; // npm start is for people, also through a pipe
}

try {
  prepare();
  // Only now, so that a missing native part is staged before anything asks for it.
  const { main } = await import('../src/main.ts');
  process.exitCode = await main(serveArguments(process.argv.slice(2)));
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
