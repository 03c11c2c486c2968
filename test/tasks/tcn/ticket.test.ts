import t from 'tap';
import { toBatchTicket, toTicket } from '../../../src/tasks/tcn/ticket.ts';
import { call } from './fakes.ts';

const settings = { deadlineMs: 40, maxDeadlineMs: 1000 };
const asking = (timeout: string) => call('', { receivedAt: 100, header: () => timeout });

t.test('a request may say how long it waits, up to the limit of the box', async (t) => {
  const deadlines = (timeout: string) => [
    toTicket(asking(timeout), settings).deadlineAt,
    toBatchTicket(asking(timeout), settings).deadlineAt,
  ];
  t.same(deadlines(''), [140, 1100]);
  t.same(deadlines('5'), [105, 105]);
  t.same(deadlines('500'), [600, 600]);
  t.same(deadlines('999999999'), [1100, 1100]);
});

t.test('a limit below the usual deadline does not shorten it', async (t) => {
  const short = { deadlineMs: 40, maxDeadlineMs: 10 };
  t.equal(toTicket(asking(''), short).deadlineAt, 140);
  t.equal(toTicket(asking('90'), short).deadlineAt, 140);
});

t.test('who waits longer waits behind those who do not', async (t) => {
  t.equal(toTicket(asking(''), settings).batch, undefined);
  t.equal(toTicket(asking('40'), settings).batch, undefined);
  t.same(toTicket(asking('41'), settings).batch, {});
  t.not(toTicket(asking('41'), settings).batch, toTicket(asking('41'), settings).batch, 'each with a turn of its own');
});

t.test('who waits less than usual is known as that', async (t) => {
  const isHurried = (timeout: string) => toTicket(asking(timeout), settings).isHurried ?? false;
  t.same(['', '39', '40', '41'].map(isHurried), [false, true, false, false]);
});

t.test('what is no number of milliseconds is refused, never guessed', async (t) => {
  for (const timeout of ['0', '-1', '1.5', '1e3', '5ms', ' ', '10000000000', 'NaN'])
    t.throws(() => toTicket(asking(timeout), settings), { code: 'BAD_REQUEST', message: /X-Request-Timeout-Ms/ });
});
