import { createRequire } from 'node:module';

/** The yardstick: uWebSockets.js answering 200 to everything, nothing read, nothing computed. */
const directory = `../../build/native/linux-${process.arch}/`;
const uws = createRequire(import.meta.url)(`${directory}uws.node`) as typeof import('uWebSockets.js');
uws
  .App()
  .any('/*', (response) => {
    response.end('ok');
  })
  .listen('127.0.0.1', Number(process.argv[2]), (socket) => {
    if (socket === false) throw new Error(`port ${process.argv[2]} is in use`);
    console.log('listening');
  });
