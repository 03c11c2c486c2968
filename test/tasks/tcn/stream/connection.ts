import type { SocketLink, SocketListener } from '../../../../src/core/socket.ts';
import { BINARY_HEADER_BYTES } from '../../../../src/core/stream-hello.ts';
import type { TaskDeps } from '../../../../src/core/task.ts';
import type { StreamDesk } from '../../../../src/tasks/tcn/stream/desk.ts';
import { Session } from '../../../../src/tasks/tcn/stream/session.ts';

/** A connection without a network: what the daemon sends is a list. */
export interface Connection {
  readonly session: SocketListener;
  /** Parsed, in order. */
  readonly messages: Message[];
  /** Code and reason; null while it is open. */
  closed: readonly [code: number, reason: string] | null;
  isDestroyed: boolean;
  /** As long as it is false nothing that is sent counts as taken. */
  reads: boolean;
  say(message: object): void;
  send(bytes: Uint8Array): void;
  /** The network breaks. */
  breakOff(): void;
  of(type: string): Message[];
}

// biome-ignore lint/suspicious/noExplicitAny: what the daemon says is for the test to judge
export type Message = { readonly type: string } & Record<string, any>;

export function connect(desk: StreamDesk, deps: TaskDeps): Connection {
  const messages: Message[] = [];
  let unread = 0;
  const connection: Connection = {
    session: null as unknown as SocketListener,
    messages,
    closed: null,
    isDestroyed: false,
    reads: true,
    say: (message) => connection.session.onText(Buffer.from(JSON.stringify(message))),
    send: (bytes) => connection.session.onBinary(bytes),
    breakOff: () => connection.session.onClosed(1006),
    of: (type) => messages.filter((message) => message.type === type),
  };
  const link: SocketLink = {
    peer: '127.0.0.1',
    requestId: 'r1',
    get bufferedBytes() {
      return connection.reads ? 0 : unread;
    },
    send: (text) => {
      if (connection.closed !== null) return;
      unread += text.length;
      messages.push(JSON.parse(text));
    },
    close: (code, reason) => {
      connection.closed ??= [code, reason];
    },
    destroy: () => {
      connection.isDestroyed = true;
    },
  };
  const session = new Session(link, desk, deps);
  return Object.assign(connection, { session });
}

/** A binary frame of rows. */
export function frame(seq: number, tMs: number | null, rows: readonly (readonly number[])[]): Uint8Array {
  const width = rows[0]?.length ?? 9;
  const bytes = new Uint8Array(BINARY_HEADER_BYTES + rows.length * width * 4);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 1);
  view.setUint16(2, rows.length, true);
  view.setUint32(4, seq % 2 ** 32, true);
  view.setFloat64(8, tMs ?? Number.NaN, true);
  for (const [i, row] of rows.entries()) {
    for (const [j, value] of row.entries()) view.setFloat32(BINARY_HEADER_BYTES + (i * width + j) * 4, value, true);
  }
  return bytes;
}

/** Samples that differ from each other, within every range. */
export function rows(from: number, count: number): number[][] {
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: 9 }, (_, channel) =>
      Math.fround(Math.sin((from + i) * 0.1 + channel) * (channel < 3 ? 9 : 0.5)),
    ),
  );
}

export const turn = () => new Promise((resolve) => setImmediate(resolve));
