import t from 'tap';
import { createRateLimit, type Rate } from '../../src/http/rate-limit.ts';

function world(rate: Rate) {
  const clock = { now: 0 };
  const admit = createRateLimit({ clock: () => clock.now, rate: () => rate });
  const ask = (peer: string, windows = 1, ...taken: number[]) => {
    try {
      admit({ peer }, windows, ...taken);
      return 'in';
    } catch (thrown) {
      const { code, retryAfterMs } = thrown as { code: string; retryAfterMs: number };
      return `${code} ${Math.round(retryAfterMs)}`;
    }
  };
  return { ask, clock };
}

t.test('a client has its rate, counted by window, and hears when it may go on', async (t) => {
  const { ask, clock } = world({ windowsPerSecond: 10, burst: null });
  t.same([ask('a', 8), ask('a', 2), ask('a', 1)], ['in', 'in', 'RATE_LIMITED 100']);
  clock.now = 99;
  t.equal(ask('a'), 'RATE_LIMITED 1');
  clock.now = 101;
  t.equal(ask('a'), 'in');
});

t.test('one client does not use up the rate of another', async (t) => {
  const { ask } = world({ windowsPerSecond: 1, burst: null });
  t.same([ask('10.0.0.1'), ask('10.0.0.1'), ask('10.0.0.2')], ['in', 'RATE_LIMITED 1000', 'in']);
});

t.test('a batch beyond the burst is let in from a full bucket, and paid for', async (t) => {
  const { ask, clock } = world({ windowsPerSecond: 10, burst: 4 });
  t.equal(ask('a', 14), 'in');
  clock.now = 1000;
  t.equal(ask('a'), 'RATE_LIMITED 100');
  clock.now = 1101;
  t.equal(ask('a'), 'in');
});

t.test('a batch whose size is known after its first window was taken comes in, too', async (t) => {
  const batch = (windows: number) => [ask('a', 1), ask('a', windows, 1)];
  const { ask, clock } = world({ windowsPerSecond: 10, burst: 8 });
  t.same(batch(14), ['in', 'in'], 'beyond the burst, from a full bucket');
  clock.now = 500;
  t.equal(ask('a'), 'RATE_LIMITED 200', 'paid for');
  clock.now = 710;
  t.same(batch(5), ['in', 'RATE_LIMITED 390']);
  clock.now = 1101;
  t.same(batch(5), ['in', 'in'], 'when it was told to');
});

t.test('an IPv6 client is its network', async (t) => {
  const { ask } = world({ windowsPerSecond: 1, burst: null });
  t.same(
    [
      ask('2001:0db8:0000:0001:aaaa:0000:0000:0001'),
      ask('2001:0db8:0000:0001:bbbb:0000:0000:0002'),
      ask('2001:0db8:0000:0002:0000:0000:0000:0001'),
    ],
    ['in', 'RATE_LIMITED 1000', 'in'],
  );
});

t.test('without a rate nobody is refused', async (t) => {
  const { ask } = world({ windowsPerSecond: null, burst: null });
  t.same(
    Array.from({ length: 1000 }, () => ask('a', 100)).filter((answer) => answer !== 'in'),
    [],
  );
});

t.test('many clients keep the memory bounded, and whoever asked last is remembered', async (t) => {
  const { ask } = world({ windowsPerSecond: 1, burst: null });
  ask('first');
  for (let i = 0; i < 4094; i++) ask(`c${i}`);
  t.equal(ask('first'), 'RATE_LIMITED 1000');
  for (let i = 0; i < 5000; i++) ask(`d${i}`);
  t.equal(ask('first'), 'in', 'forgotten after thousands of others');
});

t.test('IPv4 clients that come by an IPv6 listener are clients of their own', async (t) => {
  const { ask } = world({ windowsPerSecond: 1, burst: null });
  const mapped = (last: string) => `0000:0000:0000:0000:0000:ffff:7f00:${last}`;
  t.same([ask(mapped('0001')), ask(mapped('0002')), ask(mapped('0001'))], ['in', 'in', 'RATE_LIMITED 1000']);
});

/** Windows per second that so many connections get in, each sending batches of 64 as soon as it may. */
function rateOf(connections: number, seconds: number): number {
  const { ask, clock } = world({ windowsPerSecond: 100, burst: 64 });
  const nextAt = new Array<number>(connections).fill(0);
  let windows = 0;
  const send = (i: number) => {
    if (nextAt[i]! > clock.now) return;
    const refusal = [ask('a', 1), ask('a', 64, 1)].find((answer) => answer !== 'in');
    windows += refusal === undefined ? 64 : 0;
    nextAt[i] = clock.now + 1 + Number(refusal?.split(' ')[1] ?? 0);
  };
  for (; clock.now < seconds * 1000; clock.now += 1) for (let i = 0; i < connections; i++) send(i);
  return windows / seconds;
}

t.test('connections of one client that come when they are told to have its rate together', async (t) => {
  for (const connections of [1, 2, 4, 8, 16]) t.ok(rateOf(connections, 20) > 90, `${connections} connections`);
});
