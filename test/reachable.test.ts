import t from 'tap';
import { whyFiltered, whyNoFile, whyUnreachable } from '../src/reachable.ts';

const LOCAL = 'IPAddressAllow=127.0.0.0/8 ::1/128\nIPAddressDeny=::/0 0.0.0.0/0\n';

t.test('a daemon that listens where its unit lets nobody through says so', async (t) => {
  t.match(
    whyUnreachable('0.0.0.0', { SIDECAR_IP_FILTER: 'localhost' }),
    /lets only this machine through.*open-to-network/,
  );
  t.equal(whyUnreachable('127.0.0.1', { SIDECAR_IP_FILTER: 'localhost' }), null);
  t.equal(whyUnreachable('0.0.0.0', { SIDECAR_IP_FILTER: 'none' }), null);
  t.equal(whyUnreachable('0.0.0.0', {}), null, 'not under the unit');
});

t.test('doctor reads the filter in force from systemd', async (t) => {
  t.match(whyFiltered('0.0.0.0', LOCAL), /others wait in vain/);
  t.equal(whyFiltered('0.0.0.0', LOCAL.replace('::1/128', '::1/128 192.168.1.0/24')), null, 'somebody is let through');
  t.equal(whyFiltered('0.0.0.0', 'IPAddressAllow=\nIPAddressDeny=\n'), null);
  t.equal(whyFiltered('127.0.0.1', LOCAL), null);
});

t.test('a service without its YAML says that the defaults are in force', async (t) => {
  t.match(whyNoFile({ path: null }, { INVOCATION_ID: 'x' }), /no \/etc\/hailo\/.*force-confmiss/);
  t.equal(whyNoFile({ path: null }, {}), null, 'from a terminal that is usual');
  t.equal(whyNoFile({ path: '/x.yaml' }, { INVOCATION_ID: 'x' }), null);
});
