import fc from 'fast-check';
import { type Headers, toRequest } from '../../fakes/raw-client.ts';

/** One request of the fuzzer. In a report it shows its head and the beginning of its body. */
export class Shot {
  readonly path: string;
  readonly query: string;
  readonly headers: Headers;
  readonly body: Uint8Array;

  constructor(path: string, query: string, headers: Headers, body: Uint8Array) {
    this.path = path;
    this.query = query;
    this.headers = headers;
    this.body = body;
  }

  header(name: string): string {
    return this.headers.find(([given]) => given.toLowerCase() === name)?.[1] ?? '';
  }

  toBytes(): Buffer {
    return toRequest('POST', this.path + this.query, this.headers, this.body);
  }

  [fc.toStringMethod](): string {
    const head = [`POST ${this.path}${this.query}`, ...this.headers.map((header) => header.join(': '))].join('\n');
    const beginning = JSON.stringify(Buffer.from(this.body.subarray(0, 600)).toString('latin1'));
    return `\n${head}\n${this.body.length} bytes: ${beginning}${this.body.length > 600 ? '…' : ''}\n`;
  }
}
