import { isUtf8 } from 'node:buffer';
import { SidecarError } from '../core/errors.ts';
import { type Order, readOrder, toRawOrder } from './order.ts';
import { refuse } from './refusal.ts';
import type { Surface } from './surface.ts';

/** A request's JSON as an order, and where its binary data begins. */
export interface Request {
  readonly order: Order;
  readonly id: string | null;
  readonly jsonBytes: number;
}

/** Bytes of JSON before the binary data. */
export const LENGTH_HEADER = 'Inference-Header-Content-Length';

const LENGTH = /^\d{1,10}$/;
const BOM = /^\uFEFF/;
/** A first member of this kind is what differs between two requests of one client; another member must follow. */
const LEADING_ID = /^\{ ?"id": ?"([\w.:-]{0,128})", ?(?=")/;
/** JSON longer than this is read each time. */
const LONGEST_KEPT = 2048;
const MOST_KEPT = 64;
const OPEN_OBJECT = 123;

/**
 * @param length value of the header of that name, "" when there is none: then all is JSON
 * @throws SidecarError INVALID_INPUT, INVALID_UTF8
 */
export function readRequest(body: Uint8Array, length: string, surface: Surface): Request {
  if (body.length === 0) refuse('', 'The request has no body.');
  const jsonBytes = readLength(length, body.length);
  const request = jsonBytes === 0 ? readRaw(body.length, surface) : readJson(body, jsonBytes, surface);
  const { binaryBytes } = request.order;
  const there = body.length - jsonBytes;
  if (there === binaryBytes) return request;
  if (length === '') refuse('', `Binary data needs the header ${LENGTH_HEADER}: the size of the JSON before it.`);
  return refuse('', `The inputs say that ${binaryBytes} bytes of binary data follow the JSON, there are ${there}.`);
}

function readLength(length: string, bodyBytes: number): number {
  if (length === '') return bodyBytes;
  const bytes = LENGTH.test(length) ? Number(length) : Number.NaN;
  if (bytes <= bodyBytes) return bytes;
  return refuse(LENGTH_HEADER, `this must be a number of bytes from 0 to ${bodyBytes}, the size of the body`);
}

function readRaw(bytes: number, surface: Surface): Request {
  const key = `raw ${bytes}`;
  const order = surface.orders.get(key) ?? keep(surface, key, toRawOrder(bytes, surface));
  return { order, id: null, jsonBytes: 0 };
}

/** Data within the JSON differs each time; JSON that only announces data is likely to come again. */
function readJson(body: Uint8Array, jsonBytes: number, surface: Surface): Request {
  const json = Buffer.from(body.buffer as ArrayBuffer, body.byteOffset, jsonBytes);
  // else the rest of another client's request, behind its id, would be taken for that request
  const isWhole = json[0] === OPEN_OBJECT;
  if (isWhole && jsonBytes < body.length && jsonBytes <= LONGEST_KEPT) return readKept(json, surface);
  const order = readOrder(parse(toText(json)), surface);
  return { order, id: order.id, jsonBytes };
}

/** An id in front is no part of what is kept: the JSON without it means the same. */
function readKept(json: Buffer, surface: Surface): Request {
  const bytes = json.toString('latin1');
  const leading = LEADING_ID.exec(bytes);
  const key = leading === null ? bytes : bytes.slice(leading[0].length);
  const id = leading?.[1] ?? null;
  const kept = surface.orders.get(key);
  if (kept !== undefined) return { order: kept, id, jsonBytes: json.length };
  const text = toText(json);
  const value = parse(leading === null ? text : `{${text.slice(leading[0].length)}`);
  const order = readOrder(value, surface);
  if (Object.hasOwn(value as object, 'id')) return { order, id: order.id, jsonBytes: json.length };
  return { order: keep(surface, key, order), id, jsonBytes: json.length };
}

function keep({ orders }: Surface, key: string, order: Order): Order {
  if (orders.size >= MOST_KEPT) orders.clear(); // nobody has so many kinds of requests, but anybody can send them
  orders.set(key, order);
  return order;
}

function toText(json: Buffer): string {
  if (isUtf8(json)) return json.toString().replace(BOM, '');
  throw new SidecarError('INVALID_UTF8', 'The JSON of the request is not UTF-8.');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return refuse('', 'The request is no JSON; note that NaN and Infinity are not, either.');
  }
}
