import t from 'tap';
import { SocketConnection } from '../../src/http/socket-connection.ts';
import { listen } from './sockets.ts';

/** A connection over a library that keeps `held` bytes for the client, and all that was done to it, in order. */
function connection() {
  const done: string[] = [];
  const state = { held: 0 };
  const wire = {
    getBufferedAmount: () => state.held,
    send: (message: string | Uint8Array) => void done.push(`send ${message}`),
    end: (code: number, reason: string | Uint8Array) => {
      done.push(`end ${code} ${typeof reason === 'string' ? reason : Buffer.from(reason)}`);
      link.closed(code);
    },
    close: () => {
      done.push('close');
      link.closed(1006);
    },
  };
  const { route, lines } = listen({}, { onDrained: () => void done.push('drained') });
  const host = { onFault: () => {}, onClosed: () => void done.push('gone') };
  const link = new SocketConnection(route, host, { peer: '', requestId: 'r' });
  link.opened(wire);
  return { link, done, state, lines };
}

t.test('the owner hears that all was taken when all was, not some of it', async (t) => {
  const { link, done, state } = connection();
  state.held = 10;
  link.drained();
  t.same(done, []);
  state.held = 0;
  link.drained();
  t.same(done, ['drained']);
});

t.test('a close frame that waits goes when all is out; what comes meanwhile nobody hears', async (t) => {
  const { link, done, state, lines } = connection();
  state.held = 10;
  link.close(1000, 'done');
  link.received(new TextEncoder().encode('more').buffer, false);
  link.drained();
  t.same([done, lines], [[], []]);
  state.held = 0;
  link.drained();
  t.same([done, lines], [['end 1000 done', 'gone'], ['closed 1000']]);
});

t.test('a client who closes while a close frame waits has closed, once', async (t) => {
  const { link, done, state, lines } = connection();
  state.held = 10;
  link.close(1000, 'done');
  link.closed(1001);
  link.drained();
  link.destroy();
  t.same([done, lines], [['gone'], ['closed 1001']]);
});

t.test('no character of a reason is cut in two', async (t) => {
  for (const [reason, rest] of [
    [`${'x'.repeat(121)}üü`, `${'x'.repeat(121)}ü`],
    [`${'x'.repeat(122)}ü`, 'x'.repeat(122)],
    [`${'x'.repeat(120)}😀`, 'x'.repeat(120)],
  ] as const) {
    const { link, done } = connection();
    link.close(1000, reason);
    t.equal(done[0], `end 1000 ${rest}`);
  }
});
