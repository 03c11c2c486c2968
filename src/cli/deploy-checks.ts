import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { messageOf, SidecarError } from '../core/errors.ts';
import type { Course, DeployDeps, LocalFile } from './deploy-course.ts';
import type { ListReply } from './deploy-replies.ts';
import type { Told } from './deploy-steps.ts';

/** Beside the copy itself: what a file system needs for a directory and a name. */
const SPARE_BYTES = 1024 * 1024;

/** The checks that change nothing anywhere. */
export async function checkFile({ steps, deps }: Course, path: string): Promise<LocalFile> {
  return steps.take('file', async () => {
    const file = await measure(path, deps);
    return { value: file, text: `${file.model}, ${toMegabytes(file.bytes)}, ${file.text}` };
  });
}

async function measure(path: string, { verify }: DeployDeps): Promise<LocalFile> {
  const verified = await verify(path);
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (cause) {
    throw new SidecarError('MODEL_MISSING', `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  return { ...verified, path, bytes, sha256: hash.digest('hex') };
}

/** Whether the machine can take a model; resolves with what it serves. `file` is null for a rollback. */
export async function checkRemote(course: Course, file: LocalFile | null): Promise<ListReply> {
  const { steps, remote } = course;
  await steps.take('connection', async () => {
    await remote.connect();
    return { value: null, text: `${remote.destination} answers` };
  });
  await steps.take('program', async () => ({ value: null, text: `${await remote.version()} there` }));
  await steps.take('root', async () => ({ value: null, text: await remote.becomeRoot() }));
  await steps.take('service', () => checkUnit(course, file === null));
  const before = await steps.take('daemon', () => checkDaemon(course, file === null));
  if (file !== null) await steps.take('space', () => checkSpace(course, file));
  return before;
}

/** A rollback is for the service that does not come up, too. */
async function checkUnit({ remote }: Course, isRollback: boolean): Promise<Told<null>> {
  const state = await remote.serviceState();
  if (state === 'active' || state === 'reloading') return { value: null, text: state };
  if (state === null)
    return { value: null, state: 'warning', text: 'no systemd answers there; the daemon is asked itself' };
  if (isRollback) return { value: null, state: 'warning', text: state };
  throw new SidecarError(
    'UNAVAILABLE',
    `hailo-tcn-sidecar is ${state} there: see "systemctl status hailo-tcn-sidecar" on that machine, and start it`,
  );
}

async function checkDaemon({ remote }: Course, isRollback: boolean): Promise<Told<ListReply>> {
  const list = await remote.list();
  if (list.running) return { value: list, text: `${list.active} serves, before it was ${list.previous ?? 'none'}` };
  const what = list.running === null ? 'it may not be asked' : 'none answers';
  if (isRollback) return { value: list, state: 'warning', text: `${what}; ${list.active} is the active model` };
  if (list.running === null)
    throw new SidecarError(
      'FORBIDDEN',
      'the daemon there does not take commands from this user: log in as root, or as a user for whom "sudo -n hailo-tcn-sidecar" works',
    );
  throw new SidecarError('UNAVAILABLE', 'no daemon answers at its admin socket there: start it first');
}

async function checkSpace({ remote }: Course, { bytes }: LocalFile): Promise<Told<null>> {
  const free = await remote.freeBytes();
  if (free === null)
    return { value: null, state: 'warning', text: 'how much is free for temporary files cannot be told' };
  if (free >= bytes + SPARE_BYTES) return { value: null, text: `${toMegabytes(free)} free for temporary files` };
  throw new SidecarError(
    'STORE_FAILED',
    `${toMegabytes(free)} are free for temporary files there, ${toMegabytes(bytes + SPARE_BYTES)} are needed: make room, or set TMPDIR there`,
  );
}

export function toMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
