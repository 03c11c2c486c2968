/**
 * Run as a process of its own: library path, HEF path, what to do. Prints what came of it as JSON. For what ends a
 * process, and for what the library reads when it loads.
 */
import { readFileSync } from 'node:fs';
import koffi from 'koffi';
import { openLibrary } from './library.ts';
import { first, openSession, runWindow } from './session.ts';

const [path, hefPath, deed] = process.argv.slice(2) as [string, string, string];
const library = openLibrary(path);
const hef = hefPath === '-' ? Buffer.alloc(0) : readFileSync(hefPath);
const window = Float32Array.from({ length: 900 }, (_, i) => Math.sin(i));

const deeds: Record<string, () => unknown> = {
  load: () => library.statusName(0),
  async windows() {
    const session = openSession(library, hef, 300);
    const answers: unknown[] = [];
    for (let i = 0; i < 4; i++) answers.push(typeof (await runWindow(library, session, window)));
    return [answers, session.release()];
  },
  hefBuffer: () => library.hefBuffer([null], hef, hef.length),
  useAfterRelease() {
    const session = openSession(library, hef);
    session.release();
    return library.writeNow(session.input, Buffer.alloc(3600), 3600);
  },
  releaseOwnedDevice() {
    const session = openSession(library, hef);
    return library.releaseDevice(first((out) => library.physicalDevices(session.vdevice, out, [1])));
  },
  wrongHandle() {
    const session = openSession(library, hef);
    return library.releaseHef(session.group);
  },
  changedParams() {
    const params = Buffer.alloc(40);
    const group = Buffer.from('SHARED\0');
    library.initVdeviceParams(params);
    params.writeBigUInt64LE(addressOf(group), 24);
    const vdevice = first((out) => library.createVdevice(params, out));
    group.fill('x');
    return library.releaseVdevice(vdevice);
  },
};

function addressOf(buffer: Buffer): bigint {
  return koffi.address(buffer);
}

console.log(JSON.stringify(await deeds[deed]!()));
