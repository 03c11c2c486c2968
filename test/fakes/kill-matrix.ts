import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { ROLES, type Role, refIn } from '../../src/models/store/store-ref.ts';
import { PACKAGED_DIRECTORY } from './store.ts';
import { openRealStore, operate, REAL_OPERATIONS, type RealOperation } from './store-operations.ts';

const HERE = dirname(fileURLToPath(import.meta.url));

/** One line of the matrix: at how many steps the process was killed, and what the next one found. */
export interface KillRow {
  readonly operation: string;
  readonly steps: number;
  old: number;
  new: number;
  /** What was found instead, and at which step. */
  readonly neither: string[];
}

/** Why the matrix cannot be made here; false when it can. */
export function reasonToSkip(): string | false {
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'gcc is not on this machine';
  }
}

/**
 * Kills a real process before each system call by which each operation changes the file system, and looks what the next
 * process finds. Works below `directory`, an empty one.
 */
export async function runKillMatrix(directory: string, names?: readonly string[]): Promise<KillRow[]> {
  const shim = join(directory, 'killshim.so');
  execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-o', shim, join(HERE, 'killshim.c'), '-ldl']);
  const driver = await bundleDriver(directory);
  const rows: KillRow[] = [];
  for (const operation of REAL_OPERATIONS.filter(({ name }) => names?.includes(name) ?? true)) {
    rows.push(await killEverywhere(operation, { directory, shim, driver }));
  }
  return rows;
}

/** One file, so that hundreds of processes start quickly; koffi stays where it is. */
async function bundleDriver(directory: string): Promise<string> {
  const outfile = join(directory, 'driver.mjs');
  const koffi = fileURLToPath(import.meta.resolve('koffi'));
  const options = {
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
    alias: { koffi },
  } as const;
  await build({ ...options, entryPoints: [join(HERE, 'store-driver.ts')], outfile, external: [koffi] });
  return outfile;
}

interface Tools {
  readonly directory: string;
  readonly shim: string;
  readonly driver: string;
}

async function killEverywhere(operation: RealOperation, tools: Tools): Promise<KillRow> {
  const template = join(tools.directory, 'template', 'models');
  rmSync(template, { recursive: true, force: true });
  mkdirSync(dirname(template), { recursive: true });
  for (const name of operation.after) await operate(name, template);
  const start = (place: string) => copyOf(template, join(tools.directory, place, 'models'));
  const old = await observe(start('old'));
  const whole = start('new');
  await operate(operation.name, whole);
  const target = await observe(whole);
  const row: KillRow = {
    operation: operation.name,
    steps: await countSteps(operation, start('count'), tools),
    old: 0,
    new: 0,
    neither: [],
  };
  for (let step = 1; step <= row.steps; step += 1) {
    const root = start('killed');
    const { signal } = await runDriver(operation, root, { KILL_AT: String(step) }, tools);
    if (signal !== 'SIGKILL') row.neither.push(`step ${step}: was not killed`);
    await judge(row, step, { root, old, target });
  }
  return row;
}

async function judge(row: KillRow, step: number, { root, old, target }: { root: string; old: string; target: string }) {
  const seen = await observe(root);
  if (seen === old) row.old += 1;
  else if (seen === target) row.new += 1;
  else row.neither.push(`step ${step}: ${seen}`);
  await operate(row.operation, root);
  const again = await observe(root);
  if (again !== target) row.neither.push(`step ${step}, repeated: ${again}`);
}

function copyOf(template: string, root: string): string {
  rmSync(dirname(root), { recursive: true, force: true });
  mkdirSync(dirname(root), { recursive: true });
  if (existsSync(template)) cpSync(template, root, { recursive: true, verbatimSymlinks: true });
  return root;
}

async function countSteps(operation: RealOperation, root: string, tools: Tools): Promise<number> {
  const { stdout } = await runDriver(operation, root, { KILL_COUNT: '1' }, tools);
  return Number(stdout);
}

async function runDriver({ name }: RealOperation, root: string, env: Record<string, string>, tools: Tools) {
  const child = spawn(process.execPath, [tools.driver, name, root], {
    env: {
      LD_PRELOAD: tools.shim,
      KILL_BELOW: root,
      UV_USE_IO_URING: '0',
      NODE_COMPILE_CACHE: join(tools.directory, 'cache'),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = new Promise<NodeJS.Signals | null>((resolve) => {
    child.once('close', (_, signal) => resolve(signal));
  });
  const [signal, stdout, stderr] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
  if (stderr !== '') throw new Error(stderr);
  return { signal, stdout };
}

/** All that the store says and all that lies in it, after the recovery that the next process makes. */
async function observe(root: string): Promise<string> {
  const warnings: string[] = [];
  const store = openRealStore(root, (sentence) => void warnings.push(sentence));
  const state = await store.read();
  const models = (await store.list()).map(({ ref, roles, missing }) => ({ ref, roles, missing }));
  const lying = existsSync(root) ? ROLES.filter((role) => linkIn(root, role) !== targetOf(refIn(state, role))) : [];
  return JSON.stringify({ state, models, warnings, lying, tree: existsSync(root) ? treeOf(root) : [] });
}

function linkIn(root: string, role: Role): string | null {
  const path = join(root, role);
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : null;
}

function targetOf(ref: string | null): string | null {
  return ref === 'packaged' ? PACKAGED_DIRECTORY : (ref?.replace('@', '/') ?? null);
}

/** Without the links, which follow from the state; a store that was only looked at has them, one that is not there not. */
function treeOf(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => ![...ROLES, '.lock', '.install'].includes(name))
    .sort()
    .map((name) => `${name} ${contentOf(join(root, name))}`);
}

function contentOf(path: string): string {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return `→ ${readlinkSync(path)}`;
  return stat.isFile() ? readFileSync(path, 'utf8') : '';
}

/** Markdown. */
export function toTable(rows: readonly KillRow[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const sum = (pick: (row: KillRow) => number) => rows.reduce((total, row) => total + pick(row), 0);
  return [
    line(['operation', 'steps', 'old', 'new', 'neither']),
    line(['---', '--:', '--:', '--:', '--:']),
    ...rows.map((row) => line([row.operation, row.steps, row.old, row.new, row.neither.length])),
    line(['all', sum((r) => r.steps), sum((r) => r.old), sum((r) => r.new), sum((r) => r.neither.length)]),
  ].join('\n');
}
