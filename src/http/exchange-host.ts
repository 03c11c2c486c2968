import type { Clock } from '../core/log.ts';
import type { ErrorForm } from '../core/task.ts';
import type { Guard } from './bearer.ts';
import type { BodyLimits } from './body-reader.ts';
import type { EventStream } from './event-stream.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import type { HeaderList } from './framing.ts';
import type { Stream } from './wire.ts';

/** What an exchange needs of its server. */
export interface ExchangeHost extends BodyLimits {
  readonly clock: Clock;
  corsOrigins(): readonly string[];
  isDraining(): boolean;
  /** See HttpServer.closeWithReplies(). */
  isLeaving(): boolean;
  /** See Call.peer; only while the client is there. */
  peerOf(stream: Stream): string;
  /** Null where everybody may ask everything. */
  readonly guard: Guard | null;
  /** How errors below this path are told where no route answers; null: in the usual form. */
  errorFormAt(path: string): ErrorForm | null;
  /** See createTurn(). */
  takeTurn(): boolean;
  /** For a reply that goes on; it tells when it has ended. */
  createEvents(stream: Stream, onEnded: () => void): EventStream;
  /** How it ended. Never throws. */
  settled(record: ExchangeRecord): void;
  /** Nothing of it runs, or is to be sent, any more: a stop that closes the connection cuts nothing short. */
  left(): void;
}

/** The request line and headers, copied while the library lets us read them. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: HeaderList;
  readonly requestId: string;
}
