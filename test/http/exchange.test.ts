import t from 'tap';
import type { Route } from '../../src/core/task.ts';
import { Exchange } from '../../src/http/exchange.ts';
import type { ExchangeHost } from '../../src/http/exchange-host.ts';
import type { ExchangeRecord } from '../../src/http/exchange-record.ts';
import { createRoutingTable } from '../../src/http/routing.ts';
import type { Stream } from '../../src/http/wire.ts';
import { reply, route, serve } from './serving.ts';

/** One exchange over a stream that takes a body as `take` says, and all that its server heard of it, in order. */
function exchange(handle: Route['handle'], take: () => boolean) {
  const told: string[] = [];
  const records: ExchangeRecord[] = [];
  let abort = () => {};
  let more = (_from: number) => true;
  const stream: Stream = {
    cork: (write) => write(),
    writeStatus: () => {},
    writeHeader: () => {},
    end: take,
    write: take,
    tryEnd: () => {
      const isEnded = take();
      return [isEnded, isEnded];
    },
    onWritable: (listener) => {
      more = listener;
    },
    endWithoutBody: take,
    onAborted: (listener) => {
      abort = listener;
    },
    onData: () => {},
    close: () => {
      told.push('closed');
      abort();
    },
  };
  const host: ExchangeHost = {
    clock: () => 0,
    maxBodyBytes: 100,
    budget: { usedBytes: 0, limitBytes: 100 },
    lingerMs: 1,
    corsOrigins: () => [],
    isDraining: () => false,
    isLeaving: () => false,
    peerOf: () => '',
    guard: null,
    errorFormAt: () => null,
    takeTurn: () => true,
    createEvents: () => {
      throw new Error('no reply goes on here');
    },
    settled: (record) => {
      records.push(record);
      told.push(`settled ${record.status}`);
    },
    left: () => void told.push('left'),
  };
  const head = { method: 'GET', path: '/x', query: '', headers: [], requestId: 'r' };
  new Exchange(host, stream, head).begin(createRoutingTable([route('/x', handle)]).find('/x'));
  return { told, records, abort: () => abort(), more: () => more(1) };
}

const hello = () => reply('hello');

t.test('a reply that is out at once is told and left', async (t) => {
  t.same(exchange(hello, () => true).told.sort(), ['left', 'settled 200']);
});

t.test('a reply that the client takes later is left only then, and once', async (t) => {
  const answers = [false, false, true];
  const { told, more, abort } = exchange(hello, () => answers.shift()!);
  more();
  t.same(told, ['settled 200']);
  more();
  abort();
  t.same(told, ['settled 200', 'left']);
});

t.test('a client who goes before his reply is out is left, and the answer stays one', async (t) => {
  const { told, abort } = exchange(hello, () => false);
  abort();
  abort();
  t.same(told, ['settled 200', 'left']);
});

t.test('a client who goes before there is a reply is told and left when the handler ends', async (t) => {
  const given = Promise.withResolvers<ReturnType<typeof reply>>();
  const { told, abort } = exchange(
    () => given.promise,
    () => true,
  );
  abort();
  t.same(told, []);
  given.resolve(reply('late'));
  await given.promise;
  t.same(told, ['settled 499', 'left']);
});

t.test('a reply that cannot be sent closes the connection, and is told and left once', async (t) => {
  const { told, records } = exchange(hello, () => {
    throw new Error('no wire');
  });
  t.same(told.sort(), ['closed', 'left', 'settled 500']);
  t.match(records, [{ code: 'INTERNAL', error: { cause: { message: 'no wire' } } }]);
});

t.test('a recorder that throws takes nothing from the client, and a stop does not wait for it', async (t) => {
  const heard: unknown[] = [];
  let calls = 0;
  const routes = [route('/now', hello), route('/late', async () => reply('late'))];
  const { url, server } = await serve(t, routes, {
    onExchange: () => {
      calls += 1;
      throw new Error(`no ink ${calls}`);
    },
    onUnrecorded: (thrown) => void heard.push(thrown),
  });
  for (const [path, body] of [
    ['/now', 'hello'],
    ['/late', 'late'],
    ['/nowhere', /NOT_FOUND/],
  ] as const)
    t.match(await (await fetch(url + path)).text(), body);
  t.match(heard, [{ message: 'no ink 1' }, { message: 'no ink 2' }, { message: 'no ink 3' }]);
  t.equal(calls, 3, 'each is told once');
  await server.drain();
});
