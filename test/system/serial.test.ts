import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { pollFile } from '../../src/system/poll-file.ts';
import { isTerminalLine, setLine } from '../../src/system/serial.ts';

/** Tells the name of a terminal, and copies its input there. */
const PTY = `import os, sys
master, slave = os.openpty()
print(os.ttyname(slave), flush=True)
while data := os.read(0, 1000): os.write(master, data)`;
const hasPython = spawnSync('python3', ['--version']).status === 0;
const skip = hasPython ? false : 'install python3, which makes a terminal for it';

async function openLine(t: { teardown(end: () => void): void }) {
  const child = spawn('python3', ['-c', PTY], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => void child.kill());
  const [name] = await once(child.stdout, 'data');
  return {
    path: String(name).trim(),
    write: (text: string) => void child.stdin.write(text),
    end: () => child.stdin.end(),
  };
}

const settings = (path: string) => spawnSync('stty', ['-F', path, '-a'], { encoding: 'utf8' }).stdout;

t.test('a serial line is set up, read as it comes, and put back', { skip }, async (t) => {
  const line = await openLine(t);
  t.equal(isTerminalLine(line.path), true);
  const before = settings(line.path);
  const putBack = setLine(line.path, 115200);
  t.match(settings(line.path), /speed 115200 baud.* -icanon/s);
  line.write('1,2\r\n3,');
  let text = '';
  for await (const chunk of pollFile(line.path, new AbortController().signal)) {
    text += Buffer.from(chunk).toString();
    if (text === '1,2\r\n3,') line.write('4\n');
    if (text.endsWith('4\n')) break;
  }
  t.equal(text, '1,2\r\n3,4\n');
  putBack();
  t.equal(settings(line.path), before);
});

t.test('it ends when the line does, or when it is told to', { skip }, async (t) => {
  const line = await openLine(t);
  const putBack = setLine(line.path, null);
  const reading = new AbortController();
  line.write('x\n');
  const seen: string[] = [];
  for await (const chunk of pollFile(line.path, reading.signal)) {
    seen.push(Buffer.from(chunk).toString());
    setTimeout(() => reading.abort(), 20);
  }
  t.same(seen, ['x\n']);
  putBack();
  line.write('y\n');
  for await (const chunk of pollFile(line.path, new AbortController().signal)) {
    seen.push(Buffer.from(chunk).toString());
    line.end();
  }
  t.match(seen[1], /y/);
});

t.test('a file is no serial line, and what is not there is told', async (t) => {
  const file = join(t.testdir(), 'walk.csv');
  writeFileSync(file, '');
  t.equal(isTerminalLine(file), false);
  t.throws(() => isTerminalLine('/dev/no-such-line'), { code: 'NOT_FOUND', message: /cannot be opened.*dialout/ });
  t.throws(() => setLine(file, 9600), { code: 'UNAVAILABLE', message: /cannot be set up as a serial line/ });
});
