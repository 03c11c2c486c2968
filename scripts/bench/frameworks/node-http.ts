import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { BINARY_TYPE } from '../../../src/core/media-types.ts';
import { fromOctets, fromRows, isRequest, score, toOctets, toReply } from './work.ts';

/** The same work on node:http. Usage: node node-http.ts PORT. */
const server = createServer((request, response) => {
  if (request.method !== 'POST') return reply(response, 200, 'application/json', '{"ok":true}');
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => infer(request, Buffer.concat(chunks), response));
});

function infer({ headers }: IncomingMessage, body: Buffer, response: ServerResponse): void {
  const window = headers['content-type'] === BINARY_TYPE ? fromOctets(body) : fromJson(body);
  if (window === null) return reply(response, 422, 'application/json', '{"error":"no window"}');
  const scored = score(window);
  if (headers.accept === BINARY_TYPE) return reply(response, 200, BINARY_TYPE, toOctets(scored));
  reply(response, 200, 'application/json', JSON.stringify(toReply(scored)));
}

function fromJson(body: Buffer): Float32Array | null {
  try {
    const value: unknown = JSON.parse(body.toString());
    return isRequest(value) ? fromRows(value.x) : null;
  } catch {
    return null;
  }
}

function reply(response: ServerResponse, status: number, contentType: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

server.listen(Number(process.argv[2]), '127.0.0.1');
