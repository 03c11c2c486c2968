import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { ROOT } from '../../e2e/launch.ts';

/** What a build and a start need beside this repository; see skipWithout. */
export const NEEDS: Readonly<Record<string, string>> = {
  '/usr/bin/buildah': "install Debian's package buildah",
  '/usr/sbin/runc': "install Debian's package runc",
  '/usr/bin/mmdebstrap': "install Debian's package mmdebstrap",
  '/usr/bin/curl': "install Debian's package curl",
  '/usr/sbin/ip': "install Debian's package iproute2",
  '/usr/share/containers/seccomp.json': "install Debian's package golang-github-containers-common",
};

/** The parts of an image's configuration that an engine acts on, in Docker's spelling. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly ExposedPorts: Readonly<Record<string, unknown>>;
  readonly StopSignal: string;
  readonly Labels: Readonly<Record<string, string>>;
  /** Durations in nanoseconds. */
  readonly Healthcheck: {
    readonly Test: readonly string[];
    readonly Interval: number;
    readonly Timeout: number;
    readonly StartPeriod: number;
  };
}

export interface Image {
  readonly config: ImageConfig;
  /** Its unpacked root file system. */
  readonly root: string;
}

const WORK = join(ROOT, 'build', 'box');
const STORE = join(WORK, 'containers');
const BASE_TAR = join(WORK, 'container-base-bookworm.tar');
const BASE = 'localhost/base:bookworm';
// What debian:bookworm-slim has beside the essential packages, and what makes the package's user: the build has no network.
const BASE_PACKAGES = 'libgcc-s1,libstdc++6,libsystemd0,systemd-standalone-sysusers';

/** Builds the Containerfile with the package in dist, on a base made by mmdebstrap, without a network. */
export async function buildImage(t: Test): Promise<Image> {
  mkdirSync(STORE, { recursive: true });
  await holdLock(t);
  buildah('rm', '--all');
  if (!buildah('images', '--quiet', '--filter', `reference=${BASE}`)) makeBase();
  const file = join(ROOT, 'packaging/container/Containerfile');
  const how = ['--isolation', 'chroot', '--format', 'docker', '--layers=false', '--pull-never'];
  const tag = 'localhost/hailo-tcn-sidecar';
  run(
    'unshare',
    '--net',
    'buildah',
    ...storage(),
    'build',
    ...how,
    '--build-arg',
    `BASE=${BASE}`,
    '-f',
    file,
    '-t',
    tag,
    ROOT,
  );
  const container = buildah('from', '--pull-never', tag);
  t.teardown(() => {
    buildah('rm', container);
    buildah('rmi', tag);
  });
  const { Docker } = JSON.parse(buildah('inspect', '--type', 'image', tag)) as { Docker: { config: ImageConfig } };
  return { config: Docker.config, root: buildah('mount', container) };
}

/** Once per checkout: the base comes from Debian's mirror, as apt on this machine knows it. */
function makeBase(): void {
  if (!existsSync(BASE_TAR)) {
    const options = [
      '--quiet',
      '--variant=minbase',
      '--aptopt=Acquire::Languages "none"',
      `--include=${BASE_PACKAGES}`,
    ];
    run('mmdebstrap', ...options, 'bookworm', `${BASE_TAR}.new.tar`);
    renameSync(`${BASE_TAR}.new.tar`, BASE_TAR);
  }
  const container = buildah('from', 'scratch');
  buildah('add', container, BASE_TAR, '/');
  buildah('commit', '--format', 'docker', '--rm', container, BASE);
}

/** The store is shared by all runs in this checkout: one at a time. */
async function holdLock(t: Test): Promise<void> {
  const holder = spawn('flock', [join(STORE, 'lock'), 'sh', '-c', 'echo held; cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  t.teardown(() => holder.stdin.end());
}

function storage(): string[] {
  return ['--root', join(STORE, 'root'), '--runroot', join(STORE, 'run'), '--storage-driver', 'vfs'];
}

function buildah(...args: string[]): string {
  return run('buildah', ...storage(), ...args);
}

/** What a command prints; throws with what it complains of when it fails. */
export function run(file: string, ...args: string[]): string {
  return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 26 }).trim();
}
