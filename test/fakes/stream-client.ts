import { once } from 'node:events';
import type { Test } from 'tap';
import { type ClientOptions, WebSocket } from 'ws';
import { STREAM_SUBPROTOCOL } from '../../src/core/stream-hello.ts';
import { frame } from '../tasks/tcn/stream/connection.ts';

// biome-ignore lint/suspicious/noExplicitAny: what the daemon says is for the test to judge
export type Message = { readonly type: string } & Record<string, any>;

/** `protocols`: what is offered beside the one of streams. */
export type StreamClientOptions = ClientOptions & { readonly protocols?: readonly string[] };

/** One connection to a daemon, and all that came by it. */
export class StreamClient {
  readonly socket: WebSocket;
  readonly messages: Message[] = [];
  /** Code and reason; 1006 where it broke. */
  readonly closed: Promise<readonly [code: number, reason: string]>;
  #isClosed = false;
  #news = Promise.withResolvers<void>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      this.messages.push(JSON.parse(String(data)));
      this.#wake();
    });
    socket.on('error', () => {}); // the close that follows tells
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.#isClosed = true;
        resolve([code, String(reason)]);
        this.#wake();
      });
    });
  }

  /** @param origin http, https or ws+unix */
  static async open(
    t: Pick<Test, 'teardown'>,
    origin: string,
    { protocols = [], ...options }: StreamClientOptions = {},
  ): Promise<StreamClient> {
    const url = origin.startsWith('http') ? `${origin.replace('http', 'ws')}/stream` : `${origin}:/stream`;
    const socket = new WebSocket(url, [STREAM_SUBPROTOCOL, ...protocols], { perMessageDeflate: false, ...options });
    t.teardown(() => socket.terminate());
    const client = new StreamClient(socket);
    await once(socket, 'open');
    return client;
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  send(bytes: Uint8Array): void {
    this.socket.send(bytes);
  }

  of(type: string): Message[] {
    return this.messages.filter((message) => message.type === type);
  }

  /** Once there are so many messages of this type, or it has closed: the last of them. */
  async until(type: string, count = 1): Promise<Message> {
    while (this.of(type).length < count && !this.#isClosed) await this.news();
    const found = this.of(type)[count - 1];
    if (found === undefined) throw new Error(`closed after ${this.messages.map((one) => one.type)}`);
    return found;
  }

  /** A message, or the close. */
  news(): Promise<void> {
    return this.#news.promise;
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}

/** What tells one result from another; times of the machine do not. */
export function toFacts({ queue_ms: _queue, infer_ms: _infer, ...facts }: Message): Message {
  return facts as Message;
}

export interface Recording {
  readonly samples: readonly (readonly number[])[];
  readonly rateHz: number;
  /** Samples of the next frame. */
  cut(): number;
  /** Whether the next frame is JSON. */
  isJson(): boolean;
}

/** Sends from a sample on, no further ahead than is promised to be safe; resolves when all is sent, or the connection is gone. */
export async function play(client: StreamClient, recording: Recording, from: number): Promise<void> {
  const { samples, rateHz } = recording;
  const { max_ahead_samples: ahead } = (await client.until('ready')).limits;
  let next = from;
  while (next < samples.length && client.socket.readyState === WebSocket.OPEN) {
    const needed = Math.max(from, client.messages.findLast(({ next_seq }) => next_seq != null)?.next_seq ?? from);
    const room = needed + ahead - next;
    if (room <= 0) {
      await client.news();
      continue;
    }
    const part = samples.slice(next, next + Math.min(recording.cut(), room));
    const tMs = (next * 1000) / rateHz;
    if (recording.isJson()) client.say({ type: 'samples', seq: next, t_ms: tMs, samples: part });
    else client.send(frame(next, tMs, part));
    next += part.length;
  }
}
