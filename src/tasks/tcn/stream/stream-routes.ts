import { SidecarError } from '../../../core/errors.ts';
import type { SocketRoute } from '../../../core/socket.ts';
import { STREAM_SUBPROTOCOL } from '../../../core/stream-hello.ts';
import type { Call, Reply, Route, TaskDeps } from '../../../core/task.ts';
import type { StreamDesk } from './desk.ts';
import { Session } from './session.ts';
import { MAX_FRAME_BYTES } from './stream-limits.ts';
import { MOST_WATCHERS } from './watchers.ts';

/** Where samples come in. */
export function createSocket(desk: StreamDesk, deps: TaskDeps): SocketRoute {
  return {
    path: '/stream',
    label: '/stream',
    protocol: STREAM_SUBPROTOCOL,
    maxMessageBytes: MAX_FRAME_BYTES,
    admit: ({ query }) => desk.admit(new URLSearchParams(query).has('resume')),
    open: (link) => new Session(link, desk, deps),
  };
}

/** For those who only watch. */
export function createWatchRoute(desk: StreamDesk): Route {
  return {
    method: 'GET',
    path: '/stream/{id}/events',
    label: '/stream/ID/events',
    kind: 'service',
    doc: {
      summary: 'What a stream says, for those who only watch: server-sent events',
      description:
        'Each message of the stream as an event of its type; results have their window as id. "missed" tells how many ' +
        'messages a slow reader went without, "over" that the stream is. The stream’s id is in its ready message.',
      params: { id: 'STREAM' },
      responses: {
        200: { description: 'Events, until either side leaves.', contentType: 'text/event-stream' },
        404: { description: 'There is no such stream.' },
        503: { description: 'As many watch it already as may.' },
      },
    },
    handle: (call) => watch(desk, call),
  };
}

function watch(desk: StreamDesk, { params: { id = '' } }: Call): Reply {
  const stream = desk.find(id);
  if (stream === null) throw new SidecarError('NOT_FOUND', `There is no stream ${id.slice(0, 32)}, or it is over.`);
  if (stream.watchers.count >= MOST_WATCHERS) {
    throw new SidecarError('STREAMS_FULL', `${MOST_WATCHERS} watch this stream already; come again later.`);
  }
  return {
    status: 200,
    contentType: 'text/event-stream; charset=utf-8',
    headers: [
      ['Cache-Control', 'no-store'],
      ['X-Accel-Buffering', 'no'],
    ],
    body: 'retry: 3000\n\n',
    inference: null,
    follow: (sink) => stream.watch(sink),
  };
}
