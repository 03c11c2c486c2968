import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { WebSocketServer } from 'ws';
import type { FeedDeps } from '../../src/cli/feed.ts';
import type { Config } from '../../src/config/schema.ts';
import { reachConfigured } from '../../src/reach.ts';
import { csv, feed } from '../fakes/feed-command.ts';

const QUICK = { firstMs: 1, longestMs: 5, tries: 2, answerMs: 30 };

/** The path of a socket may have 107 characters: one in the test's own directory could be too long. */
function socketPath(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'feed-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  return join(directory, 'feed.sock');
}

/** Takes connections and says nothing, as a stopped process does. */
async function startMute(t: Test): Promise<string> {
  const path = socketPath(t);
  const server = createPlain((socket) => void t.teardown(() => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => server.close());
  return path;
}

/** Opens WebSockets, and is never ready. */
async function startUnready(t: Test): Promise<string> {
  const path = socketPath(t);
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => {
    for (const client of sockets.clients) client.terminate();
    server.close();
  });
  return path;
}

const by = (path: string, patience = QUICK): Partial<FeedDeps> => ({
  patience,
  reach: () => reachConfigured({ server: { unix_socket: path } } as Config, { tokenFile: null, env: {} }),
});

t.test('a daemon that hangs is tried as often as any, and told', async (t) => {
  const { error, err } = await feed(t, { text: csv(300), deps: by(await startMute(t)) });
  t.match(error, { code: 'UNAVAILABLE', message: /No daemon answers at .*feed\.sock \(nothing came within 0\.03 s\)/ });
  t.match(err, /warning: No daemon answers .* Trying again …/);
});

t.test('a daemon that takes the connection and is never ready is tried as often as any, and told', async (t) => {
  const { error, err } = await feed(t, { text: csv(300), deps: by(await startUnready(t)) });
  t.match(error, { code: 'UNAVAILABLE', message: /2 tries in a row brought nothing/ });
  t.match(err, /warning: the daemon was not ready within 0\.03 s; connecting again …/);
});

t.test('^C ends it where a daemon hangs', async (t) => {
  for (const start of [startMute, startUnready]) {
    const onInterrupt = (listener: () => void) => {
      const timer = setTimeout(listener, 50); // it is connecting by then, or about to: either must end
      return () => clearTimeout(timer);
    };
    const patience = { ...QUICK, answerMs: 600_000 };
    const { status } = await feed(t, { text: csv(300), deps: { ...by(await start(t), patience), onInterrupt } });
    t.equal(status, 130, start.name);
  }
});
