import t from 'tap';
import { createOrigins } from '../src/origins.ts';
import type { State } from '../src/state.ts';

const world = (cors_origins: string[], url: string) => {
  const state = { url, loaded: { config: { server: { cors_origins } } } };
  return { state, origins: createOrigins(state as unknown as State) };
};

t.test('the daemon’s own pages are served by it, by whichever name of this machine they were opened', async (t) => {
  const { origins } = world([], 'http://127.0.0.1:9000');
  t.same(origins(), ['http://127.0.0.1:9000', 'http://localhost:9000']);
  t.same(world([], 'https://[::1]:9000').origins(), ['https://[::1]:9000', 'https://localhost:9000']);
  t.same(world(['https://a.example'], 'https://10.0.0.7').origins()[0], 'https://a.example');
});

t.test('a reload, and the address once it is known, are in force at once', async (t) => {
  const { state, origins } = world([], '');
  origins();
  state.url = 'http://127.0.0.1:1';
  t.ok(origins().includes('http://127.0.0.1:1'));
  state.loaded = { config: { server: { cors_origins: ['https://b.example'] } } };
  t.ok(origins().includes('https://b.example'));
});
