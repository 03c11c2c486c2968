import { retryHeaders, type SidecarError, toErrorBody } from '../core/errors.ts';
import { JSON_TYPE } from '../core/media-types.ts';
import type { ErrorForm, Header, Reply } from '../core/task.ts';
import { Refusal } from './refusal.ts';
import type { Wire } from './wire.ts';

/** Everything around a reply that depends on the request or the server. */
export interface Envelope {
  readonly requestId: string;
  readonly isHead: boolean;
  readonly shouldClose: boolean;
  readonly cors: readonly Header[];
}

/** Hears once that nothing of a reply is left to send, unless the client goes first. */
export interface ReplyListener {
  onOut(): void;
}

/** A comment in an event stream. */
export const NOTHING = ':\n';

const STATUS_LINES: Readonly<Record<number, string>> = {
  200: '200 OK',
  204: '204 No Content',
  400: '400 Bad Request',
  401: '401 Unauthorized',
  403: '403 Forbidden',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  413: '413 Payload Too Large',
  415: '415 Unsupported Media Type',
  422: '422 Unprocessable Content',
  426: '426 Upgrade Required',
  429: '429 Too Many Requests',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
};

/** The one translation of an error for a client: never its cause, never its stack. */
export function toErrorReply(error: SidecarError, form: ErrorForm | null = null): Reply {
  const { status, body } = form?.toError(error) ?? {
    status: error.rule.http,
    body: JSON.stringify(toErrorBody(error)),
  };
  return {
    status,
    contentType: JSON_TYPE,
    headers: error instanceof Refusal ? error.headers : retryHeaders(error),
    body,
    inference: null,
  };
}

export function bytesOf(body: string | Uint8Array): number {
  return typeof body === 'string' ? Buffer.byteLength(body) : body.length;
}

/**
 * Puts a reply on the wire, in one write where the client takes it. The library adds Content-Length itself, and
 * Connection: close when told.
 *
 * @returns the size of the body that is sent, 0 for HEAD
 */
export function sendReply(wire: Wire, reply: Reply, envelope: Envelope, listener: ReplyListener): number {
  const bodyBytes = bytesOf(reply.body);
  let isOut = true;
  wire.cork(() => {
    writeHead(wire, reply, envelope);
    if (reply.status === 204 || envelope.isHead) endHead(wire, reply, bodyBytes, envelope.shouldClose);
    else isOut = sendBody(wire, reply, bodyBytes, envelope.shouldClose, listener);
  });
  if (isOut) listener.onOut();
  return envelope.isHead ? 0 : bodyBytes;
}

function writeHead(wire: Wire, { status, contentType, headers }: Reply, { requestId, cors }: Envelope): void {
  if (status !== 200) wire.writeStatus(STATUS_LINES[status] ?? `${status} Status`);
  wire.writeHeader('X-Request-Id', requestId);
  if (contentType !== '') wire.writeHeader('Content-Type', contentType);
  for (const [name, value] of headers) wire.writeHeader(name, toHeaderValue(value));
  for (const [name, value] of cors) wire.writeHeader(name, value);
}

/** The library makes a length of any first argument, of undefined 2^63; without one it sends none, as a 204 must. */
function endHead(wire: Wire, { status, follow }: Reply, bodyBytes: number, shouldClose: boolean): void {
  if (status !== 204 && follow === undefined) wire.endWithoutBody(bodyBytes, shouldClose);
  else if (shouldClose) wire.endWithoutBody(0, true);
  else wire.endWithoutBody();
}

/** The library keeps the end of the head back until there is something of the body. */
function beginBody(wire: Wire, body: string | Uint8Array, shouldClose: boolean): void {
  if (shouldClose) wire.writeHeader('Connection', 'close');
  wire.write(body.length > 0 ? body : NOTHING);
}

/** Any connection takes this much at once. */
const FEW_BYTES = 8 << 10;

/**
 * What the client does not take now waits here until it does. The library would keep any number of replies for a client
 * that asks and never reads; a reply that is not out yet lets it close the connection at the next request. It never tells
 * when the rest of a reply that closes is out: a large one is sent like any other, and the client is told to close.
 *
 * @returns whether it is out
 */
function sendBody(wire: Wire, reply: Reply, bodyBytes: number, shouldClose: boolean, listener: ReplyListener): boolean {
  const body = toWire(reply.body, bodyBytes);
  if (reply.follow !== undefined) {
    beginBody(wire, body, shouldClose);
    return false;
  }
  if (bodyBytes === 0 || (shouldClose && bodyBytes <= FEW_BYTES)) {
    wire.end(body, shouldClose);
    return true;
  }
  if (shouldClose) wire.writeHeader('Connection', 'close');
  const [, isEnded] = wire.tryEnd(body, bodyBytes);
  if (!isEnded) sendRest(wire, Buffer.from(body as string), listener); // a copy: the bytes may be somebody's to write on
  return isEnded;
}

function sendRest(wire: Wire, body: Buffer, listener: ReplyListener): void {
  wire.onWritable((from) => {
    const [isTaken, isEnded] = wire.tryEnd(body.subarray(from), body.length);
    if (isEnded) listener.onOut();
    return isTaken;
  });
}

/** The library writes a string of Latin-1 as it lies in memory, a byte per character, which is no UTF-8. */
export function toWire(body: string | Uint8Array, bytes = bytesOf(body)): string | Uint8Array {
  return typeof body === 'string' && bytes !== body.length ? Buffer.from(body) : body;
}

const UNPRINTABLE = /[^\x20-\x7e]/;
const UNPRINTABLES = /[^\x20-\x7e]/g;

/** Reasons and names end up in headers; a line break in one would start a header of its own. */
function toHeaderValue(value: string): string {
  return UNPRINTABLE.test(value) ? value.replace(UNPRINTABLES, '?') : value;
}
