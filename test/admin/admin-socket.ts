import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Peer } from '../../src/admin/peer.ts';
import type { AdminRoute } from '../../src/admin/route.ts';
import { type AdminServer, type AdminServerOptions, openAdminServer } from '../../src/admin/server.ts';
import type { Log } from '../../src/core/log.ts';

export const ME: Peer = { uid: 1000, gid: 1000, pid: 4321 };

export interface Line {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

/** A log that keeps its lines. */
export function createLines(): { lines: Line[]; log: Log } {
  const lines: Line[] = [];
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields: { ...fields }, message });
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

/** A path for a socket in a new directory. */
export function socketPath(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'admin-')); // a socket's path must be short
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'admin.sock');
}

export async function open(
  t: Test,
  routes: readonly AdminRoute[],
  options: Partial<AdminServerOptions> = {},
): Promise<{ path: string; lines: Line[]; server: AdminServer }> {
  const { lines, log } = createLines();
  const path = options.path ?? socketPath(t);
  const server = await openAdminServer({ routes, allowedUids: [1000], peerOf: () => ME, log, ...options, path });
  t.teardown(() => server.close());
  return { path, lines, server };
}

/** Sends bytes and resolves with all that came back until the other side closed. */
export function talk(path: string, bytes: string | Buffer): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  const socket = connect(path, () => socket.write(bytes));
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => undefined);
  socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
  return promise;
}

/** The status and the JSON of a raw reply. */
export function parseReply(raw: string): { status: number; json: unknown } {
  const [head = '', body = ''] = raw.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), json: body === '' ? null : JSON.parse(body) };
}
