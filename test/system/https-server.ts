import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';

/** What a server shows, and the authority that signed it. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

/** False where certificates can be made, else why not. */
export function opensslMissing(): string | false {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'there is no openssl command to make certificates with';
  }
}

/** A certificate for the host "localhost" by an authority of its own, made in `directory`. */
export function makeCertificate(directory: string): Certificate {
  const at = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => void execFileSync('openssl', args, { stdio: 'ignore' });
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  writeFileSync(at('names'), 'subjectAltName=DNS:localhost\n');
  openssl(
    'req',
    '-x509',
    ...fresh,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-days',
    '2',
    '-subj',
    '/CN=Test CA',
  );
  openssl('req', ...fresh, '-keyout', at('key'), '-out', at('csr'), '-subj', '/CN=localhost');
  const signing = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('names')];
  openssl('x509', '-req', '-in', at('csr'), ...signing, '-days', '2', '-out', at('cert'));
  const read = (name: string) => readFileSync(at(name), 'utf8');
  return { key: read('key'), cert: read('cert'), ca: read('ca.pem') };
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An https server on a free port that answers the first request with the first answer, and so on; the last one stays. */
export async function serve(t: Test, certificate: Certificate, ...answers: readonly Answer[]) {
  const requests: IncomingMessage['headers'][] = [];
  let last: ServerResponse | null = null;
  const server = createServer(certificate, (request, response) => {
    requests.push(request.headers);
    last = response;
    (answers[requests.length - 1] ?? answers.at(-1)!)(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  /** Breaks the connection of a reply that is not ended yet. */
  const cut = () => void (last?.writableEnded === false && last.destroy());
  return { port, requests, cut, url: `https://localhost:${port}/models/walk-1.tcnmodel` };
}

export const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

/** The whole file, or the rest that is asked for, as a well-behaved server sends it. */
export function sendFile(content: Buffer, etag = '"v1"'): Answer {
  return (request, response) => {
    const start = Number(/^bytes=([0-9]+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const isWanted = request.headers.range !== undefined && request.headers['if-range'] === etag;
    if (isWanted && start >= content.length) {
      response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
      return;
    }
    const rest = isWanted ? content.subarray(start) : content;
    const range = { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` };
    response.writeHead(isWanted ? 206 : 200, { etag, 'content-length': rest.length, ...(isWanted && range) }).end(rest);
  };
}

/** As much of the file as `bytes`, and then no more: the test cuts the connection when all of it has arrived. */
export function sendHalf(content: Buffer, bytes: number, headers: Record<string, string> = { etag: '"v1"' }): Answer {
  return (_, response) => {
    response.writeHead(200, { 'content-length': content.length, ...headers });
    response.write(content.subarray(0, bytes));
  };
}
