import { PAGE_POLICY } from '../../../core/html.ts';
import type { Call, Reply, Route, RouteDoc } from '../../../core/task.ts';
import { BROWSER_CLIENT, BROWSER_SCRIPT_HASH, createNodeClient } from './example-clients.ts';
import { renderStreamPage } from './stream-page.ts';
import { createStreamSchema } from './stream-schema.ts';

const DEFAULT_ORIGIN = 'http://127.0.0.1:9000';
/** Names and addresses as they stand in a Host header; no character that means something in a script or a policy. */
const HOST = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i;

/**
 * Documentation of the stream, for people and programs, with clients that run.
 *
 * @param origin the daemon's URL, for who asks without a Host header, and for its scheme
 */
export function createStreamDocs(origin: () => string = () => DEFAULT_ORIGIN): readonly Route[] {
  const originFor = (call: Call) => toOrigin(call.header('host'), origin());
  return [
    route('/docs/stream', PAGE_DOC, (call) => html(renderStreamPage(originFor(call)), PAGE_POLICY)),
    route('/docs/stream/client.html', BROWSER_DOC, (call) => html(BROWSER_CLIENT, policyFor(originFor(call)))),
    route('/docs/stream/client.mjs', NODE_DOC, (call) => text(SCRIPT_TYPE, createNodeClient(originFor(call)))),
    route('/stream/schema.json', SCHEMA_DOC, () => text(SCHEMA_TYPE, JSON.stringify(createStreamSchema()))),
  ];
}

const SCRIPT_TYPE = 'text/javascript; charset=utf-8';
const SCHEMA_TYPE = 'application/schema+json';

const PAGE_DOC = doc('Streams: every message, for people', 'text/html');
const BROWSER_DOC = doc('A page that streams from a browser and shows the results', 'text/html');
const NODE_DOC = doc('A client for Node 22 or newer', 'text/javascript');
const SCHEMA_DOC = doc('The JSON Schema of every message of a stream', SCHEMA_TYPE);

/** As the client calls this daemon, which may have many names; a proxy may speak TLS for it, which nobody here knows. */
function toOrigin(host: string, origin: string): string {
  const scheme = origin.startsWith('https:') ? 'https' : 'http';
  return HOST.test(host) ? `${scheme}://${host}` : origin;
}

/** Both schemes by name: not every browser takes 'self' for a WebSocket's. */
function policyFor(origin: string): string {
  const host = origin.replace(/^https?:\/\//, '');
  return `${PAGE_POLICY}; script-src ${BROWSER_SCRIPT_HASH}; connect-src 'self' ws://${host} wss://${host}`;
}

function doc(summary: string, contentType: string): RouteDoc {
  return { summary, responses: { 200: { description: 'Always.', contentType } } };
}

function route(path: string, about: RouteDoc, handle: Route['handle']): Route {
  return { method: 'GET', path, label: path, kind: 'service', doc: about, handle };
}

function html(body: string, policy: string): Reply {
  return text('text/html; charset=utf-8', body, [['Content-Security-Policy', policy]]);
}

function text(contentType: string, body: string, headers: Reply['headers'] = []): Reply {
  return { status: 200, contentType, headers: [...headers, NO_SNIFF], body, inference: null };
}

const NO_SNIFF = ['X-Content-Type-Options', 'nosniff'] as const;
