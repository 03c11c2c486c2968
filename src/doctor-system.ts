import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Check, Finding } from './cli/doctor.ts';
import { ENVIRONMENT } from './config/environment.ts';
import type { Config } from './config/schema.ts';
import { whyFiltered } from './reachable.ts';

export interface SystemCheckParts {
  config(): Config;
  /** Where /proc, /run, /var and /sys are; / but in tests. */
  readonly root?: string;
  /** Standard output of a command, or null where it cannot be run. */
  readonly ask?: (command: string, ...args: string[]) => string | null;
}

/** What a small box does to a service that is right in itself. */
export function systemChecks(parts: SystemCheckParts): Check[] {
  const root = parts.root ?? '/';
  return [
    { name: 'service', run: () => checkUnit(parts.ask ?? askSystem) },
    { name: 'memory limit', run: () => checkMemoryCgroup(root) },
    { name: 'storage', run: () => checkStorage(root, parts.config()) },
    { name: 'clock', run: () => checkClock(root) },
    { name: 'network', run: () => checkNetwork(parts.config(), parts.ask ?? askSystem) },
  ];
}

/** What systemd knows of the unit: this command runs as another user, in another environment, outside of its sandbox. */
function checkUnit(ask: typeof askSystem): Finding {
  const names = ['LoadState', 'ActiveState', 'Result', 'StatusText', 'Environment'];
  const shown = ask('systemctl', 'show', 'hailo-tcn-sidecar.service', ...names.flatMap((name) => ['-p', name]));
  const fieldOf = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(shown ?? '')?.[1] ?? '';
  if (shown === null || fieldOf('LoadState') !== 'loaded') return { state: 'ok', text: 'no unit is installed' };
  const active = fieldOf('ActiveState');
  if (active === 'failed' || active === 'activating') {
    const text = `the unit is ${active} (${fieldOf('Result')}): ${fieldOf('StatusText') || 'it said nothing'}`;
    return {
      state: 'failed',
      text,
      fix: 'systemctl status hailo-tcn-sidecar; journalctl -u hailo-tcn-sidecar -p warning',
    };
  }
  const set = fieldOf('Environment')
    .split(' ')
    .filter((word) => OUR_VARIABLES.has(word.split('=')[0] ?? ''));
  if (set.length === 0) return { state: 'ok', text: `the unit is ${active}` };
  const fix = `Give this command the same to see what the service sees: env ${set.join(' ')} hailo-tcn-sidecar doctor`;
  return { state: 'warning', text: `the unit is ${active}, and sets ${set.join(' ')}`, fix };
}

const OUR_VARIABLES = new Set(ENVIRONMENT.flatMap(({ names }) => names));

/** Raspberry Pi OS starts its kernel with the memory cgroup off: a unit's MemoryMax= is then ignored without a word. */
function checkMemoryCgroup(root: string): Finding {
  const line = /^memory\s+\d+\s+\d+\s+([01])/m.exec(read(join(root, 'proc/cgroups')) ?? '');
  const controllers = read(join(root, 'sys/fs/cgroup/cgroup.controllers'));
  const isOff = line?.[1] === '0' || (line === null && controllers !== null && !/\bmemory\b/.test(controllers));
  if (!isOff) return { state: 'ok', text: 'MemoryMax= of the unit is enforced by the kernel' };
  return {
    state: 'warning',
    text: 'the kernel was started without the memory cgroup, so MemoryMax= of the unit does nothing',
    fix: 'Add cgroup_enable=memory to the line in /boot/firmware/cmdline.txt (Raspberry Pi OS) and reboot.',
  };
}

/** The daemon writes nothing while it runs; its log may. */
function checkStorage(root: string, { logging }: Config): Finding {
  const isPersistent = existsSync(join(root, 'var/log/journal'));
  const isChatty = logging.requests || logging.level === 'debug';
  if (!isPersistent || !isChatty) return { state: 'ok', text: 'nothing is written while it serves, but for the log' };
  return {
    state: 'warning',
    text: 'each request writes to the journal, and the journal is kept on disk: an SD card wears out by that',
    fix: 'Set logging.requests to false and logging.level to info, or Storage=volatile in /etc/systemd/journald.conf.',
  };
}

/** A Pi without a battery starts with an old time, which jumps once the network is there. */
function checkClock(root: string): Finding {
  const isLate =
    existsSync(join(root, 'run/systemd/timesync')) && !existsSync(join(root, 'run/systemd/timesync/synchronized'));
  const text = 'no deadline depends on the time of day';
  if (!isLate) return { state: 'ok', text };
  return { state: 'ok', text: `${text}; it has not been set from the network yet, so times in the log may jump` };
}

function checkNetwork({ server }: Config, ask: typeof askSystem): Finding {
  const shown = ask('systemctl', 'show', 'hailo-tcn-sidecar.service', '-p', 'IPAddressDeny', '-p', 'IPAddressAllow');
  const why = shown === null ? null : whyFiltered(server.host, shown);
  if (why !== null) return { state: 'warning', text: 'others cannot reach it', fix: why };
  return { state: 'ok', text: shown === null ? 'no systemd is asked' : 'nothing of the unit is in the way' };
}

export function askSystem(command: string, ...args: string[]): string | null {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', timeout: 5000 });
  return status === 0 ? stdout : null;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
