import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Image } from './image.ts';
import type { StartOptions } from './run.ts';

/** The OCI runtime's config.json for the image, with what compose.yaml asks an engine for. */
export function runtimeConfig(image: Image, name: string, { env = {}, volumes = {}, devices = [] }: StartOptions) {
  const { Entrypoint, Cmd, Env, WorkingDir } = image.config;
  const variables = [...Env, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
  const none = { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] };
  return {
    ociVersion: '1.0.2',
    process: {
      user: { ...userOf(image), additionalGids: devices.length > 0 ? [DEVICE_GROUP] : [] },
      args: [...Entrypoint, ...Cmd],
      env: lastOfEach(variables),
      cwd: WorkingDir,
      capabilities: none,
      noNewPrivileges: true,
    },
    root: { path: image.root, readonly: true },
    hostname: 'hailo-inference',
    mounts: [...MOUNTS, ...Object.entries(volumes).map(([to, from]) => bind(from, to))],
    linux: {
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      maskedPaths: ['/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
      seccomp: seccomp(),
      cgroupsPath: name, // relative: a child of this process's own groups
      devices: devices.map((node) => ({ ...node, type: 'c', fileMode: 0o660, uid: 0, gid: DEVICE_GROUP })),
      resources: {
        memory: { limit: LIMITS.bytes, swap: LIMITS.bytes },
        pids: { limit: LIMITS.pids },
        // Without those named only the runtime's own few.
        devices: [
          { allow: false, access: 'rwm' },
          ...devices.map(({ major, minor }) => ({ allow: true, type: 'c', major, minor, access: 'rw' })),
        ],
      },
    },
  };
}

/** A number that the image's /etc/group does not have, as with group_add of this machine's group. */
const DEVICE_GROUP = 4242;

/** Those of compose.yaml. */
export const LIMITS = { bytes: 512 * 2 ** 20, pids: 64 };

const TIGHT = ['nosuid', 'noexec', 'nodev'];
const MOUNTS = [
  { destination: '/proc', type: 'proc', source: 'proc', options: TIGHT },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: [...TIGHT, 'mode=1777', 'size=64m'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...TIGHT, 'ro'] },
  { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: [...TIGHT, 'mode=1777', 'size=16m'] },
];

function bind(source: string, destination: string) {
  return { destination, type: 'bind', source, options: ['rbind', 'ro'] };
}

/** Of a variable that is named twice the last one counts, as with an engine. */
function lastOfEach(variables: readonly string[]): string[] {
  return [...new Map(variables.map((variable) => [variable.split('=')[0], variable])).values()];
}

/** The image's user by the numbers of its own /etc/passwd. */
function userOf({ config, root }: Image): { uid: number; gid: number } {
  const lines = readFileSync(join(root, 'etc/passwd'), 'utf8').split('\n');
  const fields = lines.map((line) => line.split(':')).find(([name]) => name === config.User);
  if (fields === undefined) throw new Error(`The image's /etc/passwd has no user "${config.User}".`);
  return { uid: Number(fields[2]), gid: Number(fields[3]) };
}

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly args: readonly unknown[] | null;
  readonly errnoRet?: number;
  readonly includes: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
}

/** The engines' own filter, as it is for a container without capabilities on this architecture. */
function seccomp() {
  const profile = JSON.parse(readFileSync('/usr/share/containers/seccomp.json', 'utf8'));
  const [arch, architecture] = process.arch === 'x64' ? ['amd64', 'SCMP_ARCH_X86_64'] : ['arm64', 'SCMP_ARCH_AARCH64'];
  const holds = ({ includes }: Rule) => !includes.caps && (includes.arches ?? [arch]).includes(arch);
  const toSyscalls = ({ names, action, args, errnoRet }: Rule) => ({ names, action, args: args ?? [], errnoRet });
  return {
    defaultAction: profile.defaultAction,
    defaultErrnoRet: profile.defaultErrnoRet,
    architectures: [architecture],
    syscalls: (profile.syscalls as Rule[]).filter(holds).map(toSyscalls),
  };
}
