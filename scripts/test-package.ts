import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../packaging/project.ts';

/**
 * npm run test:package [-- --built] [--only NAME] [--parts "PART …"]: builds both packages and the repository, checks them with lintian, and
 * installs them under real systemds: Debian 12 and 13 on this architecture, and arm64 in an emulated machine. Needs root.
 * Prints a PASS or FAIL line per check; ends with 1 when one failed. Parts are those of test/package/systemd/checks; most need
 * "install" first: --only trixie --parts "install models". W names the work directory, which keeps the root file systems.
 */
const DISTRIBUTIONS = ['bookworm', 'trixie'];
const SYSTEMD = join(ROOT, 'test', 'package', 'systemd');
const options = { built: { type: 'boolean' }, only: { type: 'string' }, parts: { type: 'string' } } as const;

interface Step {
  readonly name: string;
  run(): boolean;
}

function main(argv: string[]): number {
  const { values } = parseArgs({ args: argv, options });
  if (process.getuid?.() !== 0)
    throw new Error('Namespaces and root file systems need root: sudo npm run test:package');
  const why = whyNoNamespaces();
  if (why !== null) {
    console.log(`SKIP  all: this machine gives no namespaces (${why})`);
    return 0;
  }
  if (values.built !== true) build();
  if (values.parts !== undefined) process.env.ONLY = values.parts; // as matrix.sh calls it
  const steps = stepsFor(packages()).filter(({ name }) => values.only === undefined || name === values.only);
  if (steps.length === 0)
    throw new Error(`--only is lintian, ${DISTRIBUTIONS.join(', ')} or arm64, not ${values.only}.`);
  const results = steps.map((step) => ({ name: step.name, isOk: step.run() }));
  console.log('\n| part | |\n|---|---|');
  for (const { name, isOk } of results) console.log(`| ${name} | ${isOk ? 'PASS' : 'FAIL'} |`);
  for (const file of packages())
    console.log(`${file}  ${(statSync(join(ROOT, 'dist', file)).size / 1e6).toFixed(1)} MB`);
  return results.every(({ isOk }) => isOk) ? 0 : 1;
}

/** Where no namespace may be made nothing can be booted, and that is no fault of the package. */
function whyNoNamespaces(): string | null {
  const flags = ['--mount', '--pid', '--cgroup', '--uts', '--ipc', '--net', '--fork'];
  const { status, stderr, error } = spawnSync('unshare', [...flags, 'true'], { encoding: 'utf8' });
  return status === 0 ? null : (error?.message ?? stderr.trim());
}

function build(): void {
  for (const script of ['build:deb', 'build:repo'])
    execFileSync('npm', ['run', '-s', script], { cwd: ROOT, stdio: 'inherit' });
}

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const packages = () =>
  readdirSync(join(ROOT, 'dist')).filter((file) => file.endsWith('.deb') && file.includes(`_${version}_`));

function stepsFor(files: readonly string[]): Step[] {
  const deb = (arch: string) => {
    const file = files.find((name) => name.endsWith(`_${arch}.deb`));
    if (file === undefined) throw new Error(`dist has no package for ${arch}: run npm run build:deb.`);
    return join(ROOT, 'dist', file);
  };
  const own = process.arch === 'x64' ? 'amd64' : 'arm64';
  return [
    {
      name: 'lintian',
      run: () => succeeds('lintian', '--fail-on', 'error,warning', ...files.map((file) => join('dist', file))),
    },
    ...DISTRIBUTIONS.map((name) => ({ name, run: () => succeeds(join(SYSTEMD, 'matrix.sh'), name, deb(own)) })),
    { name: 'arm64', run: () => succeeds(join(SYSTEMD, 'machine.sh'), 'arm64', deb('arm64')) },
  ];
}

function succeeds(program: string, ...args: string[]): boolean {
  const env = { ...process.env, REPO: join(ROOT, 'dist', 'apt') };
  const { status, error } = spawnSync(program, args, { cwd: ROOT, env, stdio: 'inherit' });
  if (error) console.error(`${program} cannot be run: ${error.message}`);
  return status === 0;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
