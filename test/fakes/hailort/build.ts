import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

const here = import.meta.dirname;

export interface StandInBuild {
  /** As 4.23.0: decides the layout of the structs and what the statuses are. An unknown one is built as the newest known. */
  readonly version: string;
  /** Where libhailort.so.<version> is put. */
  readonly directory: string;
  /** Functions that this library shall not have. */
  readonly omit?: readonly string[];
}

/** Why the stand-in cannot be built here, or false: for the skip of a test. */
export function whyNoStandIn(): string | false {
  const { error, status } = spawnSync('gcc', ['--version']);
  return error === undefined && status === 0
    ? false
    : 'the stand-in for libhailort is built with gcc, which is not installed';
}

/** Compiles the stand-in (once per version and source; kept in the temporary directory) and gives its path. */
export function buildStandIn({ version, directory, omit = [] }: StandInBuild): string {
  const reason = whyNoStandIn();
  if (reason !== false) throw new Error(reason);
  const flags = flagsFor(version, omit);
  const cached = join(cacheDirectory(), `${digest(flags)}.so`);
  if (!existsSync(cached)) compile(flags, cached);
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `libhailort.so.${version}`);
  copyFileSync(cached, path);
  return path;
}

function flagsFor(version: string, omit: readonly string[]): string[] {
  const parts = /^(\d+)\.(\d+)\.(\d+)$/.exec(version);
  if (parts === null) throw new RangeError(`a version of libhailort has three numbers, and "${version}" has not`);
  const names = ['MAJOR', 'MINOR', 'REVISION'];
  return [
    ...'-std=gnu11 -shared -fPIC -O2 -g -pthread -fvisibility=hidden -ffp-contract=off -Wall -Wextra -Werror'.split(
      ' ',
    ),
    // Never unloaded: its threads would go on in code that is gone.
    `-Wl,-soname,libhailort.so.${version},-z,nodelete`,
    ...names.map((name, i) => `-DHAILORT_VERSION_${name}=${parts[i + 1]}`),
    ...omit.map((name) => `-D${name}=omitted_${name}`),
  ];
}

const sources = () =>
  readdirSync(here)
    .filter((name) => /\.[ch]$/.test(name))
    .sort();

function digest(flags: readonly string[]): string {
  const hash = createHash('sha256').update(flags.join('\0'));
  for (const name of sources()) hash.update(name).update(readFileSync(join(here, name)));
  return hash.digest('hex').slice(0, 24);
}

function cacheDirectory(): string {
  const directory = join(tmpdir(), `hailort-stand-in-${userInfo().uid}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}

function compile(flags: readonly string[], target: string): void {
  const unfinished = `${target}.${process.pid}`;
  const files = sources().filter((name) => name.endsWith('.c'));
  execFileSync('gcc', [...flags, ...files, '-lm', '-o', unfinished], {
    cwd: here,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  renameSync(unfinished, target);
}
