import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Message } from '../../fakes/stream-client.ts';

const HEAD_END = '\r\n\r\n';
const [TEXT, CLOSE, PONG] = [1, 8, 10];

/** A client without a library: it sends what it is given, and reads frames by the letter of RFC 6455. */
export class StreamPeer {
  readonly socket: Socket;
  readonly messages: Message[] = [];
  readonly pongs: string[] = [];
  /** Of the reply to the upgrade; 0: none yet. */
  status = 0;
  head = '';
  close: { readonly code: number; readonly reason: string } | null = null;
  isGone = false;
  /** What no server may send. */
  readonly faults: string[] = [];
  #unread: Buffer = Buffer.alloc(0);
  #news = Promise.withResolvers<void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => {}); // the close that follows tells
    socket.on('data', (chunk) => {
      this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
      this.#read();
      this.#wake();
    });
    socket.on('close', () => {
      this.isGone = true;
      this.#wake();
    });
  }

  static async open(port: number): Promise<StreamPeer> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new StreamPeer(socket);
  }

  write(bytes: Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** False: it was not so in time. */
  async until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => late.resolve(), timeoutMs);
    const isLate = late.promise.then(() => true);
    while (!condition()) if (await Promise.race([this.#news.promise, isLate])) break;
    clearTimeout(timer);
    return condition();
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  #read(): void {
    if (this.status === 0 && !this.#readHead()) return;
    if (this.status !== 101) return;
    while (this.#readFrame());
  }

  #readHead(): boolean {
    const end = this.#unread.indexOf(HEAD_END);
    if (end < 0) return false;
    this.head = this.#unread.toString('latin1', 0, end);
    this.status = Number(this.head.split(' ')[1]);
    this.#unread = this.#unread.subarray(end + HEAD_END.length);
    return true;
  }

  #readFrame(): boolean {
    const bytes = this.#unread;
    if (bytes.length < 2) return false;
    const [first, second] = [bytes[0]!, bytes[1]!];
    const start = second === 126 ? 4 : second === 127 ? 10 : 2;
    if (bytes.length < start) return false;
    const length = start === 2 ? second : start === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    if (bytes.length < start + length) return false;
    this.#unread = bytes.subarray(start + length);
    if (this.close !== null) this.faults.push('a frame after the close frame');
    this.#take(first, bytes.subarray(start, start + length));
    return true;
  }

  #take(first: number, payload: Buffer): void {
    const opcode = first & 0x0f;
    if ((first & 0xf0) !== 0x80) this.faults.push(`a frame that begins with ${first}`);
    if (opcode === TEXT) this.#takeText(payload.toString());
    else if (opcode === PONG) this.pongs.push(payload.toString());
    else if (opcode === CLOSE)
      this.close = { code: payload.length < 2 ? 1005 : payload.readUInt16BE(0), reason: payload.toString('utf8', 2) };
    else if (opcode !== 9) this.faults.push(`a frame of opcode ${opcode}`);
  }

  #takeText(text: string): void {
    try {
      this.messages.push(JSON.parse(text));
    } catch {
      this.faults.push(`no JSON: ${text.slice(0, 300)}`);
    }
  }
}
