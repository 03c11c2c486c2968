import { noFrame } from './frames.ts';

export type Message = { readonly type?: unknown };

/** What else stands there is not looked into: it may be nested without end. */
export function typeName({ type }: Message): string {
  return typeof type === 'string' ? `the type ${JSON.stringify(type.slice(0, 16))}` : 'no type';
}

/** @throws SidecarError BAD_REQUEST when it is no object of JSON */
export function parseMessage(bytes: Uint8Array): Message {
  let message: unknown;
  try {
    message = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  } catch {
    throw noFrame('is no JSON');
  }
  if (typeof message === 'object' && message !== null) return message;
  throw noFrame('is JSON, but no object');
}
