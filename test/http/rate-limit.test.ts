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
  t.same(batch(5), ['in', 'RATE_LIMITED 490']);
  clock.now = 1201;
  t.same(batch(5), ['in', 'in'], 'when it was told to');
});

t.test('an IPv6 client is its network', async (t) => {
  const { ask } = world({ windowsPerSecond: 1, burst: null });
  t.same(
    [ask('2001:db8:0:1:aaaa::1'), ask('2001:db8:0:1:bbbb::2'), ask('2001:db8:0:2::1')],
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
