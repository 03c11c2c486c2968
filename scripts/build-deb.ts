import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../packaging/project.ts';

/**
 * npm run build:deb [-- --arch amd64|arm64]: dist/hailo-tcn-sidecar_VERSION_<arch>.deb, both unless one is named.
 * HAILO_HEF=FILE puts a .hef into the model's bundle. Equal commits give equal bytes.
 */
const ARCHES = ['amd64', 'arm64'];

function buildAll(argv: string[]): void {
  const { values } = parseArgs({ args: argv, options: { arch: { type: 'string' } } });
  if (values.arch !== undefined && !ARCHES.includes(values.arch))
    throw new Error(`--arch is ${ARCHES.join(' or ')}, not ${values.arch}.`);
  requireDebhelper();
  for (const arch of values.arch === undefined ? ARCHES : [values.arch]) build(arch);
}

function build(arch: string): void {
  const env = { ...process.env, DEB_DESTDIR: 'dist', SOURCE_DATE_EPOCH: changelogDate() };
  const run = (target: string) =>
    execFileSync('dpkg-architecture', [`-a${arch}`, '-c', 'debian/rules', target], {
      ...{ cwd: ROOT, env, encoding: 'utf8', maxBuffer: 1 << 28 },
      stdio: ['ignore', 'pipe', process.env.VERBOSE ? 'inherit' : 'pipe'],
    });
  run('clean');
  run('binary');
  const file = `dist/hailo-tcn-sidecar_${changelogVersion()}_${arch}.deb`;
  console.log(`${file}  ${(statSync(join(ROOT, file)).size / 1e6).toFixed(1)} MB`);
}

/** Times in the package are those of the changelog, not of the build. */
function changelogDate(): string {
  return execFileSync('dpkg-parsechangelog', ['-STimestamp'], { cwd: ROOT, encoding: 'utf8' }).trim();
}

function changelogVersion(): string {
  const version = execFileSync('dpkg-parsechangelog', ['-SVersion'], { cwd: ROOT, encoding: 'utf8' }).trim();
  const { version: ours } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  if (version === ours) return version;
  throw new Error(`debian/changelog says version ${version}, package.json ${ours}: make them equal.`);
}

function requireDebhelper(): void {
  if (!existsSync('/usr/bin/dh'))
    throw new Error('debhelper is not installed: apt install debhelper bash-completion dpkg-dev');
}

try {
  buildAll(process.argv.slice(2));
} catch (thrown) {
  const { stderr, message } = thrown as Error & { stderr?: string };
  console.error(stderr ? `${stderr.split('\n').slice(-20).join('\n')}\nThe package was not built.` : message);
  process.exitCode = 1;
}
