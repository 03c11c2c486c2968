import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fetchCross } from '../packaging/natives/cross.ts';
import type { Arch } from '../packaging/natives/stage.ts';
import { hostArch, ROOT, stageProject } from '../packaging/project.ts';
import { bundle } from '../packaging/single-file/bundle.ts';
import { makeExecutable } from '../packaging/single-file/executable.ts';

/** npm run build [-- --arch x64|arm64]: dist/hailo-tcn-sidecar-linux-<arch>, both unless one is named. */
const ARCHES: readonly Arch[] = ['x64', 'arm64'];
const WORK = join(ROOT, 'build', 'single-file');
/** Asset name → entry of the code that runs in a thread of its own. */
const THREADS = { 'cpu-worker.cjs': 'src/backends/cpu/worker.ts' };

async function buildAll(argv: string[]): Promise<void> {
  const arches = chosenArches(argv);
  const parts = await bundleParts();
  for (const arch of arches) {
    if (arch !== hostArch()) fetchCross(arch);
    stageProject(arch, { verify: true });
    const output = join('dist', `hailo-tcn-sidecar-linux-${arch}`);
    makeExecutable({ ...parts, arch }, join(WORK, arch), join(ROOT, output));
    console.log(`${output}  ${(statSync(join(ROOT, output)).size / 1e6).toFixed(0)} MB`);
  }
}

function chosenArches(argv: string[]): readonly Arch[] {
  const { values } = parseArgs({ args: argv, options: { arch: { type: 'string' } } });
  if (values.arch === undefined) return ARCHES;
  const arch = ARCHES.find((known) => known === values.arch);
  if (arch === undefined) throw new Error(`--arch is ${ARCHES.join(' or ')}, not ${values.arch}.`);
  return [arch];
}

/** What all architectures share. */
async function bundleParts() {
  const model = join(ROOT, 'packaging', 'models', 'default');
  if (!existsSync(join(model, 'manifest.yaml'))) throw new Error('packaging/models/default has no manifest.yaml.');
  const main = join(WORK, 'main.cjs');
  await bundle('packaging/single-file/entry.ts', main);
  const threads: Record<string, string> = {};
  for (const [asset, entry] of Object.entries(THREADS)) {
    threads[asset] = join(WORK, asset);
    await bundle(entry, threads[asset]);
  }
  return { main, threads, model, release: { version: packageVersion(), commit: commit() } };
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;
}

/** The commit of this checkout, with "-dirty" when files differ from it; null outside a repository. */
function commit(): string | null {
  const git = (...args: string[]) =>
    spawnSync('git', ['-c', 'safe.directory=*', ...args], { cwd: ROOT, encoding: 'utf8' });
  const head = git('rev-parse', '--short=12', 'HEAD');
  if (head.status !== 0) return null;
  const isDirty = git('status', '--porcelain', '--untracked-files=no').stdout !== '';
  return head.stdout.trim() + (isDirty ? '-dirty' : '');
}

try {
  await buildAll(process.argv.slice(2));
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
