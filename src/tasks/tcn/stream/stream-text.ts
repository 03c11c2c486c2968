import { BINARY_HEADER_BYTES, BINARY_VERSION, STREAM_SUBPROTOCOL } from '../../../core/stream-hello.ts';
import { JUMP_MS } from './clock-fit.ts';
import { PASSBAND, ZERO_CROSSINGS } from './windowed-sinc.ts';

/** The words of the page about streams, as HTML. */
export const BINARY = `<p>A binary message is one frame: ${BINARY_HEADER_BYTES} bytes, then the samples; all little-endian.</p>
${table([
  ['offset', 'type', 'meaning'],
  ['0', 'u8', `${BINARY_VERSION}, the version`],
  ['1', 'u8', '0'],
  ['2', 'u16', 'n, the number of samples, 1 at least'],
  ['4', 'u32', 'seq of the first sample, modulo 2<sup>32</sup>'],
  ['8', 'f64', 't_ms, when the first sample was taken; NaN: unknown'],
  [String(BINARY_HEADER_BYTES), 'f32', 'n samples one after another, each with a value for each column of the hello'],
])}
<p>The length must be ${BINARY_HEADER_BYTES} + 4 · n · columns bytes. JSON and binary frames may alternate. A binary sample of nine
columns takes 36 bytes, in JSON two to four times that.</p>`;

export const TIME = `<p><code>rate_hz</code> is what the sensor gives. Where the model’s rate is the same it gets the very samples that were sent, and
<code>ready.resampling</code> is <code>null</code>. Else they are resampled by a windowed sinc (Kaiser’s window, ${ZERO_CROSSINGS} zero crossings): what
moves slower than ${PASSBAND} of the slower of the two rates keeps an error below −60 dB, what is faster is damped, and a result waits
for ${ZERO_CROSSINGS} samples of the slower rate after its window; <code>ready.resampling</code> has the figures. It goes by the declared rate: where
timestamps speak of another, a <code>notice</code> <code>rate</code> says so and nothing is changed.</p>
<p><code>seq</code> counts samples, also those that were lost: that is how the daemon knows of them. It may begin anywhere.
<code>t_ms</code> is the time of a frame’s first sample on any steady clock of the client; the box’s own time of day is never
used. A line is fitted to the times of the frames, which takes their jitter out, and the times of results are on that line: they
rise, but after a clock that went back. Where a frame is off the line by more than ${JUMP_MS} ms, and the next one with a
<code>t_ms</code> stays off as well, there is a <code>gap</code>, told with that next one: <code>time_forward</code>, treated like missing samples, or <code>time_backward</code>, which begins a new window. Without any
<code>t_ms</code> all times are <code>seq</code> divided by the rate; where <code>t_ms</code> comes in later, times leap to it once, without a
<code>gap</code> unless they fall.</p>
<p>A sample that came twice is dropped (<code>notice</code> <code>duplicate</code>). What comes after a missing sample waits for it, as
much as <code>gaps.reorder_ms</code> holds; a sample that comes later than that is dropped (<code>late</code>). For missing
samples <code>gaps.policy</code> decides: <code>hold</code> repeats the last sample, <code>interpolate</code> draws a line, both for at most
<code>gaps.max_ms</code>; <code>restart</code>, and every longer gap, begins a new window after it. Each is told by a <code>gap</code>, and
a result says how many of its samples were <code>filled</code>. A <code>seq</code> far back, that goes on, is a device that has started
again: <code>gap</code> <code>seq_backward</code>, and a new window.</p>`;

export const MOTIF = `<p><code>motif_scores</code> are those of the window alone. <code>top</code> and <code>motif</code> go by a moving average of them, in which
a score’s weight falls to 1/e within <code>smoothing.tau_ms</code> of the stream’s time. The current motif is the best of the first window; another one
takes its place when it has led by <code>hysteresis</code> or more in every window for <code>dwell_ms</code>. After a <code>gap</code> with
<code>restarted</code>, and with another model, all of that begins anew.</p>`;

export const FLOW = `<p>All limits are in <code>ready.limits</code>. A window that waits longer than <code>max_age_ms</code> for the model is dropped: its number
is left out, <code>dropped</code> counts it. A sensor in real time need not care for more. Who sends faster, such as a recording,
loses no window as long as it stays within <code>next_seq + max_ahead_samples</code>; every <code>result</code>, <code>gap</code> and
<code>dropped</code> brings a new <code>next_seq</code>.</p>
<p>When the model has no more to give, new streams are turned away (1013, or 503 before the upgrade) rather than those that run.</p>`;

export const RESUME = `<p>A stream outlives its connection by <code>limits.resume_ms</code>. A new connection, to <code>/stream?resume=1</code> because a full box
turns others away before the upgrade, says the same hello with the token of
<code>ready</code> and the last window that has arrived:</p>
<pre>{"type":"hello","rate_hz":100,"resume":{"token":"…","last_window":41}}</pre>
<p>With <code>resumed: true</code> the client sends on from <code>next_seq</code>, and the results after that window are sent again: no window is
lost that could still be had. So keep samples until <code>next_seq</code> has passed them. With <code>resumed: false</code> and a
<code>reason</code> it is a new stream, as after another box has taken over: windows count from 0, samples from any number.</p>`;

const CODES: readonly (readonly [string, string])[] = [
  ['1000', 'After <code>end</code>, with all results.'],
  ['1001', 'No samples came for <code>limits.idle_timeout_ms</code>: resume when there are some.'],
  ['1007', 'A message that is none: wrong type, wrong length, no JSON. The stream can be resumed.'],
  [
    '1008',
    'What may not be: a hello that cannot be met, none in time or a second one, samples after <code>end</code>, messages by the thousand, or a hundred refused in a row.',
  ],
  ['1009', 'A message longer than <code>limits.max_frame_bytes</code>.'],
  ['1011', 'A fault of the daemon.'],
  ['1012', 'The daemon stops or restarts: connect again.'],
  [
    '1013',
    'No model serves, or there is no room for another stream: try later; <code>retry_ms</code> of the error says when.',
  ],
  ['4001', 'Another connection has resumed the stream.'],
];

export const CLOSE_CODES = `${table(CODES)}
<p>The reason of a close is “CODE: sentence”, cut to the bytes that fit; before all but 1000 and 1009 comes an <code>error</code> with
the whole sentence.
A connection whose client does not read is broken off without a word. Who is turned away before the upgrade gets a reply of HTTP with the
error as its body: 401 without the token, 503 where there is no room.</p>`;

export const WATCH = `<p><code>GET /stream/ID/events</code> with the ID that <code>ready.stream</code> says sends the messages of a stream as server-sent events: the
<code>event</code> is the type, the <code>id</code> of a result its window, the <code>data</code> the JSON. Two types are a watcher’s own:
<code>missed</code> says how many messages it was too slow for, <code>over</code> that the stream is.</p>`;

export const TOKEN = `<p>Programs send <code>Authorization: Bearer TOKEN</code>. Browsers cannot: they offer the subprotocol
<code>base64url.bearer.</code> followed by the token in base64url, beside <code>${STREAM_SUBPROTOCOL}</code>.
The client for Node takes the token from <code>TOKEN</code>; each <code>curl</code> on this page needs <code>-H "Authorization: Bearer $TOKEN"</code>.</p>`;

function table(rows: readonly (readonly string[])[]): string {
  return `<table>${rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('')}</table>`;
}
