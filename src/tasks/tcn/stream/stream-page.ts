import { PAGE_STYLE, toHtml } from '../../../core/html.ts';
import { STREAM_SUBPROTOCOL } from '../../../core/stream-hello.ts';
import { BROWSER_CLIENT, createNodeClient } from './example-clients.ts';
import { CLIENT_EXAMPLES, type MessageExample, SERVER_EXAMPLES } from './stream-examples.ts';
import { CLIENT_MESSAGES, SERVER_MESSAGES } from './stream-schema.ts';
import { BINARY, CLOSE_CODES, FLOW, MOTIF, RESUME, TIME, TOKEN, WATCH } from './stream-text.ts';

const SCHEMAS = { ...CLIENT_MESSAGES, ...SERVER_MESSAGES };

/** The protocol of a stream for people: no script, no picture, nothing from any network. */
export function renderStreamPage(origin: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Streams</title><style>${PAGE_STYLE}</style></head>
<body><h1>Streams <small>send samples, get motifs</small></h1>
<p>A WebSocket at <code>${toHtml(origin.replace(/^http/, 'ws'))}/stream</code>, subprotocol <code>${STREAM_SUBPROTOCOL}</code>,
which may be left out. The client says hello, the daemon says what is in force; then the client sends each sample once, and
gets the result of each window. The smallest hello, for samples at 100 Hz in the model’s channels and units:</p>
${block('{"type":"hello","rate_hz":100}')}
<p>For programs: <a href="/stream/schema.json">/stream/schema.json</a>, every message as JSON Schema.
Live in this browser: <a href="/docs/stream/client.html">/docs/stream/client.html</a>.</p>
${section('What the client says', CLIENT_EXAMPLES.map(renderMessage).join(''))}
${section('Samples in binary', BINARY)}
${section('What the daemon says', SERVER_EXAMPLES.map(renderMessage).join(''))}
${section('Time', TIME)}
${section('The current motif', MOTIF)}
${section('Limits and flow', FLOW)}
${section('After a break', RESUME)}
${section('How a connection closes', CLOSE_CODES)}
${section('Only watching', WATCH + block(`curl -N ${origin}/stream/ID/events`))}
${section('Where a token is asked for', TOKEN)}
${section('A client for Node', renderNodeClient(origin))}
${section('A page for a browser', `<pre>${toHtml(BROWSER_CLIENT)}</pre>`)}
</body></html>
`;
}

const section = (title: string, content: string) => `<h2>${title}</h2>\n${content}`;
const block = (text: string) => `<pre>${toHtml(text)}</pre>`;

function renderMessage({ type, about, example }: MessageExample): string {
  const schema = toHtml(JSON.stringify(SCHEMAS[type], null, 2));
  return `<p><code class="m">${type}</code> ${about}</p>${block(JSON.stringify(example))}
<details><summary>Schema</summary><pre>${schema}</pre></details>`;
}

function renderNodeClient(origin: string): string {
  const line = `curl -s ${origin}/docs/stream/client.mjs > client.mjs && node client.mjs`;
  return block(line) + block(createNodeClient(origin));
}
