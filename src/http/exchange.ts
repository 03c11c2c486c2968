import { SidecarError, toSidecarError } from '../core/errors.ts';
import type { Call, Reply } from '../core/task.ts';
import { bodyTooLarge } from './body-buffer.ts';
import { type BodyListener, BodyReader } from './body-reader.ts';
import { corsHeaders, toPreflight } from './cors.ts';
import { shuttingDown } from './drain.ts';
import type { EventStream } from './event-stream.ts';
import type { ExchangeHost, RequestHead } from './exchange-host.ts';
import { emptyHanded, NO_WARNINGS, STATUS_CLIENT_GONE } from './exchange-record.ts';
import { type Framing, type HeaderList, headerOf, readFraming } from './framing.ts';
import { checkMediaType } from './media-type.ts';
import { methodNotAllowed } from './refusal.ts';
import { type ReplyListener, sendReply, toErrorReply } from './reply.ts';
import { type BoundRoute, type Match, type Place, routeFor } from './routing.ts';
import type { Stream } from './wire.ts';

const NO_BODY = new Uint8Array(0);
const NO_PARAMS: Readonly<Record<string, string>> = {};

/**
 * The life of one request: head → body → handler → reply.
 *
 * Nothing is written once the client has gone. The server hears exactly once how an exchange ended, when nothing of it runs
 * any more, and exactly once that it is left, when nothing of it is to be sent any more. The refusal of a body never leaves
 * inside the parser: the library would go on with a pipelined request and forget to close; outside of it, a pipelined
 * request closes the connection by itself. A reply that closes because the daemon leaves may: those behind it are answered.
 */
export class Exchange implements Call, BodyListener, ReplyListener {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly requestId: string;
  params = NO_PARAMS;
  body: Uint8Array = NO_BODY;
  receivedAt: number;
  readonly #host: ExchangeHost;
  readonly #stream: Stream;
  readonly #headers: HeaderList;
  readonly #reader: BodyReader;
  #bound: BoundRoute | undefined;
  #events: EventStream | null = null;
  #label = 'unmatched';
  #isRunning = false;
  #isGone = false;
  #isSettled = false;
  #isLeft = false;

  constructor(host: ExchangeHost, stream: Stream, head: RequestHead) {
    this.#host = host;
    this.#stream = stream;
    this.#headers = head.headers;
    this.#reader = new BodyReader(host, this);
    this.method = head.method;
    this.path = head.path;
    this.query = head.query;
    this.requestId = head.requestId;
    this.receivedAt = host.clock();
  }

  header(name: string): string {
    return headerOf(this.#headers, name);
  }

  isGone(): boolean {
    return this.#isGone;
  }

  get peer(): string {
    return this.#isGone ? '' : this.#host.peerOf(this.#stream);
  }

  /** Answers, or arranges for an answer. Never throws: an error would end the process inside the library. */
  begin({ place, params }: Match): void {
    this.params = params;
    this.#stream.onAborted(() => this.#abort());
    try {
      this.#dispatch(place);
    } catch (thrown) {
      this.#answer(null, toSidecarError(thrown));
    }
  }

  #dispatch(place: Place | undefined): void {
    this.#bound = place && routeFor(place, this.method);
    this.#label = this.#bound?.route.label ?? place?.label ?? 'unmatched';
    const framing = this.#readFraming();
    if (framing === null) return;
    const trespass = this.#host.guard === null ? null : this.#host.guard(this);
    if (trespass !== null) return this.#reader.refuse(trespass, this.#stream, framing);
    if (this.#isDrained()) return this.#reader.refuse(shuttingDown(), this.#stream, framing);
    if (place === undefined) throw new SidecarError('NOT_FOUND', 'There is nothing at this path; GET / lists what is.');
    if (this.method === 'OPTIONS') return this.#answer(toPreflight(this, place.allow, this.#host.corsOrigins()), null);
    if (this.#bound === undefined) throw methodNotAllowed(place.allow);
    if (this.method !== 'POST') return this.#run(this.#bound, NO_BODY);
    checkMediaType(this.header('content-type'), this.header('content-encoding'), this.#bound.accepted);
    if ((framing.contentLength ?? 0) > this.#host.maxBodyBytes) {
      return this.#reader.refuse(bodyTooLarge(this.#host.maxBodyBytes), this.#stream, framing);
    }
    this.#reader.read(this.#stream);
  }

  /** A stop keeps new windows out; health and metrics are answered to the end. */
  #isDrained(): boolean {
    return this.#bound?.route.kind === 'inference' && this.#host.isDraining();
  }

  #readFraming(): Framing | null {
    try {
      return readFraming(this.#headers, this.method);
    } catch (thrown) {
      this.#reader.refuse(toSidecarError(thrown), this.#stream, { contentLength: null });
      return null;
    }
  }

  onBody(body: Uint8Array): void {
    this.#run(this.#bound!, body);
  }

  onRefused(error: SidecarError): void {
    if (!this.#isSettled) this.#answer(null, error);
  }

  #run({ route }: BoundRoute, body: Uint8Array): void {
    this.body = body;
    this.receivedAt = this.#host.clock();
    this.#isRunning = true;
    try {
      const reply = route.handle(this);
      if (reply instanceof Promise)
        reply.then(
          (late) => this.#ended(late),
          (thrown) => this.#ended(null, toSidecarError(thrown)),
        );
      else this.#ended(reply);
    } catch (thrown) {
      this.#ended(null, toSidecarError(thrown));
    }
    this.body = NO_BODY;
    this.#reader.release();
  }

  #ended(reply: Reply | null, error: SidecarError | null = null): void {
    this.#isRunning = false;
    this.#answer(reply, error);
  }

  #answer(reply: Reply | null, error: SidecarError | null): void {
    if (this.#isGone) return this.#settle(STATUS_CLIENT_GONE, error?.code ?? 'CLIENT_GONE', error, reply, 0);
    if (reply?.inference || this.#host.takeTurn()) return this.#deliver(reply, error);
    setImmediate(() => this.#isSettled || this.#deliver(reply, error)); // one whose client has left is settled
  }

  #deliver(reply: Reply | null, error: SidecarError | null): void {
    const form = this.#bound?.route.errorForm ?? this.#host.errorFormAt(this.path);
    const sent = reply ?? toErrorReply(error!, form);
    this.#isSettled = true; // before the write: closing the connection may call #abort from within
    let bytes: number;
    try {
      bytes = this.#send(sent);
    } catch (thrown) {
      this.#stream.close();
      this.onOut();
      return this.#settle(500, 'INTERNAL', toSidecarError(thrown), reply, 0);
    }
    this.#settle(sent.status, error?.code ?? null, error, reply, bytes);
    if (sent.follow === undefined || this.method === 'HEAD' || this.#isGone) return;
    this.#events = this.#host.createEvents(this.#stream, () => this.onOut());
    this.#events.begin(sent.follow);
  }

  #send(reply: Reply): number {
    const envelope = {
      requestId: this.requestId,
      isHead: this.method === 'HEAD',
      shouldClose: this.#reader.refusal !== null || this.#isDrained() || this.#host.isLeaving(),
      cors: corsHeaders(this.header('origin'), this.#host.corsOrigins()),
    };
    return sendReply(this.#stream, reply, envelope, this);
  }

  onOut(): void {
    if (!this.#isLeft) this.#host.left();
    this.#isLeft = true;
  }

  #abort(): void {
    this.#isGone = true;
    if (this.#isRunning) return; // the handler's end settles it
    this.#events?.gone();
    if (this.#isSettled) return this.onOut();
    const { refusal } = this.#reader;
    this.#settle(STATUS_CLIENT_GONE, refusal?.code ?? 'CLIENT_GONE', refusal, null, 0);
  }

  #settle(status: number, code: string | null, error: SidecarError | null, reply: Reply | null, sent: number): void {
    const fault = error ?? emptyHanded(reply);
    this.#isSettled = true;
    this.#reader.release();
    this.#host.settled({
      route: this.#label,
      kind: this.#bound?.route.kind ?? 'service',
      method: this.method,
      status,
      code: code ?? fault?.code ?? null,
      requestId: this.requestId,
      durationMs: this.#host.clock() - this.receivedAt,
      requestBytes: this.#reader.receivedBytes,
      responseBytes: sent,
      inference: reply?.inference ?? null,
      windows: reply?.windows ?? null,
      warnings: reply?.warnings ?? NO_WARNINGS,
      error: fault,
      aborted: this.#isGone,
    });
    if (this.#isGone) this.onOut();
  }
}
