import { Type } from 'typebox';
import { closed, whole } from './fields.ts';

/** The keys under `streams`. */
export const Streams = Type.Object(
  {
    max: whole(0, 65536, {
      default: 1024,
      description:
        'How many streams may be open at a time, those included whose connection broke and may come back; see also server.max_connections. 0: none.',
    }),
    max_load: Type.Number({
      minimum: 0.01,
      maximum: 1000,
      default: 0.8,
      description:
        'Which share of the windows that the model gets through all streams together may declare: a new one that would exceed it is refused, so that those that run do not suffer.',
    }),
    max_age_ms: whole(10, 600000, {
      default: 1000,
      description:
        'How long a window of a stream may wait to be computed, and its result to be read, in milliseconds; then it is dropped, and the client is told.',
    }),
    idle_timeout_s: whole(1, 86400, {
      default: 60,
      description: 'After how many seconds without samples the connection of a stream is closed.',
    }),
    resume_s: whole(0, 3600, {
      default: 30,
      description: 'How many seconds a stream waits for its client after the connection broke. 0: it is over at once.',
    }),
  },
  closed,
);
