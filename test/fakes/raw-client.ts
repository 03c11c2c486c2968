import { connect, type Socket } from 'node:net';

/** Where a server listens: a TCP port of this machine, from which address to call it, or the path of a Unix socket. */
export interface Target {
  readonly port?: number;
  readonly localAddress?: string;
  readonly path?: string;
}

export interface RawReply {
  readonly status: number;
  /** By lower-case name; of equal names the last one. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

interface Asked {
  resolve(reply: RawReply): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

/** The connection ended, or stayed silent for too long, before a reply was whole. */
export class NoReply extends Error {}

const CONTINUE = 'HTTP/1.1 100';
const HEAD_END = '\r\n\r\n';

/**
 * One connection that sends the bytes it is given, right or wrong, and reads replies one at a time. No library between, so
 * that nothing is corrected on the way.
 */
export class RawClient {
  readonly socket: Socket;
  #pieces: Buffer[] = [];
  /** Bytes without which no reply can be whole. */
  #missing = 0;
  #asked: Asked | null = null;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('close', () => this.#closed());
    socket.on('error', () => {}); // the close that follows tells
  }

  static open(target: Target): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const where =
        target.path === undefined ? { host: '127.0.0.1', ...target, port: target.port! } : { path: target.path };
      const socket = connect(where, () => {
        socket.off('error', reject);
        resolve(new RawClient(socket));
      });
      socket.once('error', reject);
    });
  }

  get isOpen(): boolean {
    return !this.socket.destroyed && this.socket.writable;
  }

  /** @throws NoReply */
  ask(request: Uint8Array, timeoutMs = 10_000): Promise<RawReply> {
    return new Promise((resolve, reject) => {
      if (this.#asked !== null) throw new Error('one request at a time');
      if (!this.isOpen) return reject(new NoReply('the connection is closed'));
      const timer = setTimeout(() => this.#give(new NoReply(`no reply within ${timeoutMs} ms`)), timeoutMs);
      this.#asked = { resolve, reject, timer };
      this.socket.write(request);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#pieces.push(chunk);
    this.#missing -= chunk.length;
    if (this.#missing > 0) return;
    const received = Buffer.concat(this.#pieces);
    const reply = readReply(received, false);
    this.#pieces = [reply === null ? received : received.subarray(reply.bytes)];
    if (reply === null) this.#missing = missingOf(received);
    if (reply === null) return;
    if (reply.headers.get('connection') === 'close') this.socket.destroySoon();
    this.#give(reply);
  }

  /** The library's own refusals have no Content-Length: they end with the connection. */
  #closed(): void {
    this.#give(
      readReply(Buffer.concat(this.#pieces), true) ?? new NoReply('the connection was closed without a reply'),
    );
  }

  #give(outcome: RawReply | NoReply): void {
    const asked = this.#asked;
    if (asked === null) return;
    this.#asked = null;
    clearTimeout(asked.timer);
    if (outcome instanceof NoReply) asked.reject(outcome);
    else asked.resolve(outcome);
  }
}

/** The reply at the beginning of the bytes, once it is whole; "100 Continue" before it is no reply. */
function readReply(bytes: Buffer, isLast: boolean): (RawReply & { readonly bytes: number }) | null {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return null;
  if (bytes.toString('latin1', 0, CONTINUE.length) === CONTINUE) {
    const reply = readReply(bytes.subarray(end + HEAD_END.length), isLast);
    return reply && { ...reply, bytes: reply.bytes + end + HEAD_END.length };
  }
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = new Map(lines.map((line) => splitHeader(line)));
  const from = end + HEAD_END.length;
  const announced = headers.get('content-length');
  const length = announced === undefined ? bytes.length - from : Number(announced);
  if (bytes.length - from < length || (announced === undefined && !isLast)) return null;
  const body = bytes.subarray(from, from + length);
  return { status: Number(first.split(' ')[1]), headers, body, bytes: from + length };
}

/** Of a large reply, so that it is not put together at each piece. */
function missingOf(bytes: Buffer): number {
  const end = bytes.indexOf(HEAD_END);
  const announced = end < 0 ? null : /\r\ncontent-length: (\d+)/i.exec(bytes.toString('latin1', 0, end));
  return announced == null ? 0 : end + HEAD_END.length + Number(announced[1]) - bytes.length;
}

function splitHeader(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

export type Headers = readonly (readonly [name: string, value: string])[];

/** A request as bytes; headers are written as they come, in latin1, with the length of the body unless they name one. */
export function toRequest(method: string, path: string, headers: Headers = [], body?: Uint8Array): Buffer {
  const isFramed = headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  const length = body === undefined || isFramed ? [] : [`content-length: ${body.length}`];
  const lines = ['host: x', ...headers.map(([name, value]) => `${name}: ${value}`), ...length];
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return body === undefined ? head : Buffer.concat([head, body]);
}
