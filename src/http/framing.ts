import { SidecarError } from '../core/errors.ts';

/** Header names (lower case) and values, alternating, in the order of arrival; repeated names stay repeated. */
export type HeaderList = readonly string[];

/** How the body of a request is delimited. */
export interface Framing {
  /** Announced size in bytes; null for a chunked body. */
  readonly contentLength: number | null;
}

const NO_BODY: Framing = { contentLength: 0 };
const CHUNKED: Framing = { contentLength: null };
/** Divides a body of the Open Inference Protocol in two: another header that must not have two readings. */
const JSON_LENGTH = 'inference-header-content-length';
const DIGITS = /^\d{1,15}$/;

/** A header's value by lower-case name, or "". */
export function headerOf(headers: HeaderList, name: string): string {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1]!;
  return '';
}

/**
 * Finds out where the body ends. The library takes the first Content-Length of several and treats every
 * Transfer-Encoding as chunked, so that a proxy in front could see other requests than we do: whatever leaves room
 * for two readings is refused here.
 *
 * @throws SidecarError BAD_REQUEST; the connection must be closed, its framing can't be trusted.
 */
export function readFraming(headers: HeaderList, method = 'POST'): Framing {
  let length: string | null = null;
  let coding: string | null = null;
  let jsonLength: string | null = null;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    if (name === 'content-length') length = only(length, headers[i + 1]!, 'Content-Length');
    else if (name === 'transfer-encoding') coding = only(coding, headers[i + 1]!, 'Transfer-Encoding');
    else if (name === JSON_LENGTH) jsonLength = only(jsonLength, headers[i + 1]!, 'Inference-Header-Content-Length');
  }
  if (coding === null) return fromLength(length);
  // nobody reads the body of the others, and the library would take the rest of it for a request
  if (method !== 'POST') throw ambiguous('only a POST may have a chunked body');
  return fromCoding(coding, length);
}

function only(known: string | null, value: string, header: string): string {
  if (known !== null) throw ambiguous(`${header} is given more than once`);
  return value;
}

function fromLength(length: string | null): Framing {
  if (length === null) return NO_BODY;
  if (!DIGITS.test(length)) throw ambiguous('Content-Length is not a number of bytes');
  return { contentLength: Number(length) };
}

function fromCoding(coding: string, length: string | null): Framing {
  if (length !== null) throw ambiguous('Content-Length and Transfer-Encoding are both given');
  if (coding.toLowerCase() !== 'chunked') throw ambiguous('the only Transfer-Encoding served is chunked');
  return CHUNKED;
}

function ambiguous(what: string): SidecarError {
  return new SidecarError('BAD_REQUEST', `The end of the body is unclear: ${what}. The connection is closed.`);
}
