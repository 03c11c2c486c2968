import { hash } from 'node:crypto';

/** Clients that run as they are: the page of documentation shows the very text that is served. */
export const DEFAULT_ORIGIN = 'http://127.0.0.1:9000';

/** @param origin where the daemon is, e.g. "https://box:9443" */
export function createNodeClient(origin: string): string {
  return `// Streams a simulated walk at 100 Hz until Ctrl-C. Node 22 or newer: [TOKEN=…] node client.mjs [URL]
const url = process.argv[2] ?? '${origin.replace(/^http/, 'ws')}/stream';
const token = process.env.TOKEN ? ['base64url.bearer.' + Buffer.from(process.env.TOKEN).toString('base64url')] : [];
const socket = new WebSocket(url, ['tcn-stream.v1', ...token]);
let seq = 0, timer;
socket.onopen = () => socket.send(JSON.stringify({ type: 'hello', rate_hz: 100, hop: 25, outputs: { top_k: 1 } }));
socket.onmessage = ({ data }) => {
  const { type, start_ms, end_ms, motif, top, limits } = JSON.parse(data);
  if (type === 'ready') timer = setInterval(sendNew, 250, limits.max_frame_samples);
  if (type !== 'result') return console.log(data);
  console.log(start_ms.toFixed() + ' to ' + end_ms.toFixed() + ' ms: ' + (motif.name ?? motif.index), top[0].score);
};
socket.onerror = ({ message }) => console.error(message || 'No connection to ' + url + ': is the daemon there, and has it a TOKEN?');
socket.onclose = ({ code, reason }) => {
  console.log('closed: ' + code + ' ' + reason);
  process.exit(code === 1000 ? 0 : 1);
};
process.on('SIGINT', () => { clearInterval(timer); socket.send('{"type":"end"}'); });

const startMs = performance.now();
const wave = (i, size, hz) => size * Math.sin(2 * Math.PI * hz * (i / 100));
const walk = (i) => [wave(i, 2, 2), wave(i, 1, 1), 9.8 + wave(i, 3, 2), wave(i, 1, 1), wave(i, 1, 2), 0, 22, 3, -42];
function sendNew(most) {
  const count = Math.min(Math.floor((performance.now() - startMs) / 10) - seq, most);
  const samples = Array.from({ length: count }, (_, i) => walk(seq + i)).flat();
  const parts = [Uint16Array.of(1, count), Uint32Array.of(seq), Float64Array.of(seq * 10), Float32Array.from(samples)];
  socket.send(Buffer.concat(parts.map(({ buffer }) => Buffer.from(buffer)))); // version, count, seq, t_ms, samples
  seq += count;
}
`;
}

const SCRIPT = `
const show = (id, text) => { document.getElementById(id).textContent = text; };
const wave = (ms, size, hz) => size * Math.sin((2 * Math.PI * hz * ms) / 1000);
const walk = (ms) => [ms, wave(ms, 2, 2), wave(ms, 1, 1), 9.8 + wave(ms, 3, 2), wave(ms, 50, 1), 0, 0, 22, 3, -42];
const rows = []; // of a time and nine values, until they are sent
addEventListener('devicemotion', ({ timeStamp: ms, accelerationIncludingGravity: a, rotationRate: r }) => (
  a?.x != null && rows.push([ms, a.x, a.y, a.z, r?.alpha ?? 0, r?.beta ?? 0, r?.gamma ?? 0, 0, 0, 0])));
function stream() {
  const isReal = rows.length > 9;
  const rate_hz = isReal ? (1000 * (rows.length - 1)) / (rows.at(-1)[0] - rows[0][0]) : 100;
  let ms = performance.now(), seq = (rows.length = 0); // what was before the stream is not of it
  show('source', isReal ? 'This device at ' + rate_hz.toFixed() + ' Hz; no magnetometer, 0 is sent.' : 'A simulated walk.');
  const socket = new WebSocket(new URL('../../stream', location.href.replace(/^http/, 'ws')), 'tcn-stream.v1');
  socket.onopen = () => socket.send(JSON.stringify({ type: 'hello', rate_hz, units: { gyro: 'deg/s' } }));
  socket.onclose = ({ code, reason }) => show('source', 'closed: ' + code + ' ' + reason);
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'ready') setInterval(sendNew, 250, 100);
    if (message.type === 'result') show('motif', message.motif.name ?? message.motif.index);
    show('said', JSON.stringify(message, null, 2)); };
  function sendNew(most) {
    for (; !isReal && ms < performance.now(); ms += 10) rows.push(walk(ms));
    const some = rows.splice(0, most), samples = some.map(([, ...values]) => values);
    if (some.length > 0) socket.send(JSON.stringify({ type: 'samples', seq, t_ms: some[0][0], samples }));
    seq += some.length;
  }
}
document.getElementById('start').onclick = async function start() { // once
  setTimeout(stream, 1000, await globalThis.DeviceMotionEvent?.requestPermission?.(), (this.disabled = true)); };`;

/** Connects back to the host that it came from. */
export const BROWSER_CLIENT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>A stream</title><h1 id="motif">…</h1>
<p id="source">Takes a second.</p><button id="start">Start</button><pre id="said"></pre><script>${SCRIPT}</script>
`;

/** What the page's policy lets run: this very script. */
export const BROWSER_SCRIPT_HASH = `'sha256-${hash('sha256', SCRIPT, 'base64')}'`;
