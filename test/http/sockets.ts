import { once } from 'node:events';
import type { Test } from 'tap';
import { type ClientOptions, WebSocket } from 'ws';
import type { SocketLink, SocketListener, SocketRoute } from '../../src/core/socket.ts';
import { openRaw, type RawPeer } from './serving.ts';

export const PROTOCOL = 'test.v1';

/** What a route of a test has heard, one line each. */
export interface Heard {
  readonly lines: string[];
  readonly links: SocketLink[];
  readonly route: SocketRoute;
}

/** A route that takes notes, and does what is given besides. */
export function listen(more: Partial<SocketRoute> = {}, does: Partial<SocketListener> = {}): Heard {
  const lines: string[] = [];
  const links: SocketLink[] = [];
  const hear = (line: string, also: (() => void) | undefined) => {
    lines.push(line);
    also?.();
  };
  const open = (link: SocketLink): SocketListener => {
    links.push(link);
    return {
      onText: (bytes) => hear(`text ${Buffer.from(bytes)}`, () => does.onText?.(bytes)),
      onBinary: (bytes) => hear(`binary ${Buffer.from(bytes).toString('hex')}`, () => does.onBinary?.(bytes)),
      onDrained: () => does.onDrained?.(),
      onClosed: (code) => hear(`closed ${code}`, () => does.onClosed?.(code)),
      onLeaving: () => hear('leaving', () => does.onLeaving?.()),
    };
  };
  const route = { path: '/stream', label: '/stream', protocol: PROTOCOL, maxMessageBytes: 1000, admit: () => {}, open };
  return { lines, links, route: { ...route, ...more } };
}

/** Says each text again. */
export function echo(more: Partial<SocketRoute> = {}): Heard {
  const heard = listen(more);
  const { open } = heard.route;
  const echoing = (link: SocketLink): SocketListener => {
    const listener = open(link);
    return {
      ...listener,
      onText: (bytes) => {
        listener.onText(bytes);
        link.send(String(Buffer.from(bytes)));
      },
    };
  };
  return { ...heard, route: { ...heard.route, open: echoing } };
}

/** A client that is connected; gone when the test ends. */
export async function openSocket(t: Test, url: string, options: ClientOptions = {}): Promise<WebSocket> {
  const socket = new WebSocket(url, PROTOCOL, { perMessageDeflate: false, ...options });
  t.teardown(() => socket.terminate());
  await once(socket, 'open');
  socket.on('error', () => {});
  return socket;
}

export async function ask(socket: WebSocket, text: string): Promise<string> {
  socket.send(text);
  return String((await once(socket, 'message'))[0]);
}

/** Code and reason of the close frame; 1006 without one. */
export async function closeOf(socket: WebSocket): Promise<[code: number, reason: string]> {
  const [code, reason] = await once(socket, 'close');
  return [code, String(reason)];
}

const HEAD = [
  'Host: x',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

/** A request for an upgrade; a header that is given stands for the usual one of that name, null for none. */
export function upgrade(path = '/stream', headers: Readonly<Record<string, string | null>> = {}): string {
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const usual = HEAD.filter((line) => !names.has(line.split(':')[0]!.toLowerCase()));
  const given = Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]));
  return `${[`GET ${path} HTTP/1.1`, ...usual, ...given].join('\r\n')}\r\n\r\n`;
}

export interface FrameShape {
  readonly opcode?: number;
  readonly isLast?: boolean;
  readonly isMasked?: boolean;
  /** Of the first byte. */
  readonly reserved?: number;
  /** What the frame says of it. */
  readonly length?: number;
}

const MASK = Buffer.from([7, 1, 200, 3]);

/** One frame of a client, as right or wrong as it is wanted. */
export function frame(payload: string | Uint8Array, shape: FrameShape = {}): Buffer {
  const { opcode = 1, isLast = true, isMasked = true, reserved = 0, length = payload.length } = shape;
  const bytes = Buffer.from(payload as string);
  const first = (isLast ? 0x80 : 0) | reserved | opcode;
  const bit = isMasked ? 0x80 : 0;
  const head = Buffer.from([first, bit | 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeBigUInt64BE(BigInt(length), 2);
  const short = length < 126 ? [first, bit | length] : [first, bit | 126, length >> 8, length & 0xff];
  const used = length > 0xffff ? head : Buffer.from(short);
  if (!isMasked) return Buffer.concat([used, bytes]);
  return Buffer.concat([used, MASK, bytes.map((byte, i) => byte ^ MASK[i % 4]!)]);
}

/** A bare connection that has been upgraded. */
export async function openUpgraded(t: Test, port: number): Promise<RawPeer> {
  const peer = await openRaw(t, port);
  peer.socket.write(upgrade());
  await peer.until(/^HTTP\/1\.1 101 .*\r\n\r\n/s);
  return peer;
}

/** What came after the head. */
export function framesOf(peer: RawPeer): Buffer {
  const said = peer.said();
  return Buffer.from(said.slice(said.indexOf('\r\n\r\n') + 4), 'latin1');
}
