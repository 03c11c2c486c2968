import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Test } from 'tap';
import { freePort, ROOT } from '../e2e/launch.ts';

/** HAProxy's own figures of one of its servers; "boxes" is all of them. */
export interface ServerFigures {
  readonly status: string;
  /** Requests that were sent again after this server. */
  readonly retries: number;
  readonly redispatches: number;
  readonly answered: number;
  /** Requests over a connection that was there before. */
  readonly reused: number;
}

export interface Balancer {
  readonly url: string;
  figures(): Promise<Record<string, ServerFigures>>;
  /** Its log, which has a line for each request that it sent again, or could not. */
  said(): string;
  /** Resolves when that server has that status; rejects when that takes too long. */
  until(server: string, status: 'UP' | 'DOWN'): Promise<void>;
}

/** Debian's place is not on everybody's PATH. */
export function findHaproxy(): string | null {
  const places = [...(process.env.PATH ?? '').split(':'), '/usr/sbin'].map((directory) => join(directory, 'haproxy'));
  return places.find((place) => existsSync(place)) ?? null;
}

const PATIENCE_MS = 20_000;
const SHIPPED = join(ROOT, 'packaging/haproxy/haproxy.cfg');
const NEEDS_ROOT = /^\t(chroot|user|group|stats socket) .*\n/gm;

/** The configuration that ships, with nothing in it changed but addresses, the log's too, and what only root may do. */
function configure(port: number, statsPort: number, daemons: readonly number[]): string {
  const addresses: [string, string][] = [
    ['log /dev/log local0', 'log stderr format raw local0'],
    ['bind :9000', `bind 127.0.0.1:${port}`],
    ['bind 127.0.0.1:8405', `bind 127.0.0.1:${statsPort}`],
    ...daemons.map((daemon, i): [string, string] => [`192.0.2.1${i + 1}:9000`, `127.0.0.1:${daemon}`]),
  ];
  const text = readFileSync(SHIPPED, 'utf8').replace(NEEDS_ROOT, '');
  return addresses.reduce((cfg, [from, to]) => {
    if (!cfg.includes(from)) throw new Error(`haproxy.cfg does not have ${from}`);
    return cfg.replaceAll(from, to);
  }, text);
}

/** HAProxy with the configuration that ships before daemons on these ports; ended with the test. */
export async function startHaproxy(t: Test, directory: string, daemons: readonly number[]): Promise<Balancer> {
  const [port, statsPort] = [await freePort(), await freePort()];
  const file = join(directory, 'haproxy.cfg');
  writeFileSync(file, configure(port, statsPort, daemons));
  const child = spawn(findHaproxy()!, ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => (said += chunk));
  t.teardown(() => void child.kill('SIGKILL'));
  const figures = async () => {
    if (child.exitCode !== null) throw new Error(`haproxy ended:\n${said}`);
    return readFigures(await (await fetch(`http://127.0.0.1:${statsPort}/;csv`)).text());
  };
  const until = async (server: string, status: string) => {
    const since = performance.now();
    let seen: ServerFigures | undefined;
    do {
      await pause(20);
      seen = (await figures().catch(ended))?.[server];
    } while (seen?.status !== status && performance.now() - since < PATIENCE_MS);
    if (seen?.status !== status) throw new Error(`${server} is ${seen?.status}, not ${status}:\n${said}`);
  };
  const ended = (thrown: unknown) => {
    if (child.exitCode !== null) throw thrown;
    return null; // it does not listen yet
  };
  return { url: `http://127.0.0.1:${port}`, said: () => said, figures, until };
}

function readFigures(csv: string): Record<string, ServerFigures> {
  const [names, ...rows] = csv
    .replace(/^# /, '')
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  const cell = (row: readonly string[], name: string) => row[names!.indexOf(name)] ?? '';
  const servers = rows.filter((row) => cell(row, 'pxname') === 'boxes');
  return Object.fromEntries(
    servers.map((row) => [
      cell(row, 'svname').replace('BACKEND', 'boxes'),
      {
        status: cell(row, 'status').split(' ')[0]!,
        retries: Number(cell(row, 'wretr')),
        redispatches: Number(cell(row, 'wredis')),
        answered: Number(cell(row, 'hrsp_2xx')),
        reused: Number(cell(row, 'reuse')),
      },
    ]),
  );
}
