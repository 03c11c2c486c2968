import { randomBytes } from 'node:crypto';

const USABLE = /^[\x21-\x7e]{1,128}$/;

/**
 * Gives every request an id: the client's own when it is printable ASCII without spaces, up to 128 characters, else a
 * new one. New ones are a random prefix per process and a counter: unique enough to find a log line, and cheap.
 */
export function createRequestIds(prefix: string = randomBytes(6).toString('hex')): (given: string) => string {
  let count = 0;
  return (given) => {
    if (given !== '' && USABLE.test(given)) return given;
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}
