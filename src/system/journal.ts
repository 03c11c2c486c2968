import { closeSync, existsSync, fstatSync } from 'node:fs';
import { messageOf } from '../core/errors.ts';

export type JournalField = readonly [name: string, value: string];

/** Gives one entry to journald; false when it was not taken. Never waits: a journald that is stuck must not hold up a reply. */
export type SendToJournal = (fields: readonly JournalField[]) => boolean;

/** Whether a descriptor is the journal's; the variable alone is inherited by whoever is started from a service. */
export function isJournal(descriptor: number, { JOURNAL_STREAM }: NodeJS.ProcessEnv): boolean {
  const { dev, ino } = fstatSync(descriptor);
  return JOURNAL_STREAM === `${dev}:${ino}`;
}

/** One entry with a MESSAGE_ID from a command whose errors go to the journal; elsewhere nothing. */
export async function tellJournal(messageId: string, text: string, env: NodeJS.ProcessEnv): Promise<void> {
  if (!isJournal(2, env)) return;
  const send = await openJournal();
  send?.([
    ['MESSAGE', text],
    ['PRIORITY', '3'],
    ['SYSLOG_IDENTIFIER', 'hailo-tcn-sidecar'],
    ['MESSAGE_ID', messageId],
  ]);
}

const SOCKET = '/run/systemd/journal/socket';
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
/** A larger datagram would not get through; what is longer is cut. */
const MAX_VALUE_BYTES = 64 << 10;

/**
 * journald's native protocol, by which an entry carries fields. Node has no datagram sockets in the file system, so libc
 * is asked. Resolves to null where there is no journald, or it cannot be reached.
 */
export async function openJournal(path = SOCKET): Promise<SendToJournal | null> {
  if (!existsSync(path)) return null;
  try {
    const { default: koffi } = await import('koffi');
    const libc = koffi.load('libc.so.6');
    const descriptor = libc.func('int socket(int domain, int type, int protocol)')(
      AF_UNIX,
      SOCK_DGRAM_CLOEXEC,
      0,
    ) as number;
    const address = toAddress(path);
    const connected = libc.func('int connect(int fd, const void *address, uint32_t length)')(
      descriptor,
      address,
      address.length,
    );
    if (connected !== 0) {
      if (descriptor >= 0) closeSync(descriptor);
      return null;
    }
    const send = libc.func('intptr_t send(int fd, const void *data, size_t length, int flags)');
    return (fields) => {
      const entry = encodeEntry(fields);
      return Number(send(descriptor, entry, entry.length, MSG_DONTWAIT_NOSIGNAL)) === entry.length;
    };
  } catch (thrown) {
    console.error(`The journal's socket cannot be used (${messageOf(thrown)}); the log goes to stdout.`);
    return null;
  }
}

/** struct sockaddr_un with the path and its NUL. */
function toAddress(path: string): Buffer {
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, Buffer.from(`${path}\0`)]);
}

/** NAME=value\n, or where the value has line ends: NAME\n, its length as 64 bits little-endian, the value, \n. */
export function encodeEntry(fields: readonly JournalField[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => (name === '' ? [] : encodeField(name, value))));
}

function encodeField(name: string, text: string): Buffer[] {
  const value = Buffer.from(text).subarray(0, MAX_VALUE_BYTES);
  if (!value.includes(0x0a)) return [Buffer.from(`${name}=`), value, Buffer.from('\n')];
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(value.length));
  return [Buffer.from(`${name}\n`), length, value, Buffer.from('\n')];
}
