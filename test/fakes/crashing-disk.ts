import { basename, dirname } from 'node:path';
import type { Disk, NewFile } from '../../src/models/store/disk.ts';

/**
 * A disk in memory that can end the world at any call, and forgets what was not synced. The rules, as POSIX leaves them
 * to a file system: the content of a file is kept only after its sync; a name made, moved or removed only after a sync of
 * its directory, and without one each change of a name is kept or lost by itself; a file or link that was renamed may then
 * have the old name, the new one, or both. A directory that was renamed is never seen twice (no file system in use has
 * that), but it can be lost from both.
 */
export class Crash extends Error {}

interface FileNode {
  readonly kind: 'file';
  content: Buffer;
  /** What is sure to be on disk; null when nothing is. */
  durable: Buffer | null;
}
interface LinkNode {
  readonly kind: 'link';
  readonly target: string;
}
interface Directory {
  readonly kind: 'directory';
  readonly entries: Map<string, Node>;
  readonly durable: Map<string, Node>;
  readonly pending: Change[];
}
type Node = FileNode | LinkNode | Directory;
/** A name that now means `node`, or nothing. */
interface Change {
  readonly name: string;
  readonly node: Node | null;
  /** For a directory's rename: what its two halves have in common. */
  readonly rename?: Rename;
}
interface Rename {
  /** The new name is on disk, and then the old one is gone: file systems journal a rename as one. */
  settled: boolean;
}

/** What of the unsynced is there after the crash. killed: only the process died, so everything is, and is still unsynced. */
export type Survival = 'nothing' | 'everything' | 'killed' | { readonly seed: number };

export interface CrashOptions {
  /** The number of the changing call (1 = the first) at which the world ends: a write may be half done then. */
  readonly crashAt?: number;
  /** The number of the changing call that fails, with the code of the error. */
  readonly failAt?: { readonly call: number; readonly code: string; readonly forever?: boolean };
  /** Syncs that only claim to have happened: all of a kind, or that one call. */
  readonly forgets?: 'content' | 'names' | number;
  readonly freeBytes?: number;
}

export interface CrashingDisk extends Disk {
  /** The changing calls so far: their names, for the list of a matrix. */
  readonly calls: readonly string[];
  /** The disk as the next process, or after a power cut the next boot, finds it. */
  after(survival: Survival, options?: CrashOptions): CrashingDisk;
}

const newDirectory = (): Directory => ({ kind: 'directory', entries: new Map(), durable: new Map(), pending: [] });

export function createCrashingDisk(options: CrashOptions = {}): CrashingDisk {
  return diskOn(newDirectory(), options);
}

function diskOn(top: Directory, options: CrashOptions): CrashingDisk {
  const calls: string[] = [];
  let isOver = false;
  const end = () => {
    isOver = true;
    throw new Crash('the world ended');
  };
  /** Ends the world, fails, or lets the call happen. `half` is what may be done of it at the end. */
  async function step(call: string, half: () => void = () => undefined): Promise<void> {
    if (isOver) end();
    calls.push(call);
    const { crashAt, failAt } = options;
    if (failAt !== undefined && (failAt.forever ? calls.length >= failAt.call : calls.length === failAt.call)) {
      const takesSpace = /^(mkdir|create|write|sync|symlink|rename)/.test(call);
      if (!failAt.forever || takesSpace) throw fault(failAt.code, call);
    }
    if (calls.length !== crashAt) return;
    half();
    end();
  }
  const look = async () => {
    if (isOver) end();
  };
  const change = (directory: Directory, made: Change) => {
    if (made.node === null) directory.entries.delete(made.name);
    else directory.entries.set(made.name, made.node);
    directory.pending.push(made);
  };
  const forgets = (kind: 'content' | 'names') => options.forgets === kind || options.forgets === calls.length;

  return {
    calls,
    after: (survival, next = {}) => diskOn(survivorOf(top, survival), next),
    mkdir: async (path) => {
      await step(`mkdir ${path}`);
      requireFree(top, path);
      change(parentOf(top, path), { name: basename(path), node: newDirectory() });
    },
    create: async (path) => {
      await step(`create ${path}`);
      requireFree(top, path);
      const file: FileNode = { kind: 'file', content: Buffer.alloc(0), durable: null };
      change(parentOf(top, path), { name: basename(path), node: file });
      return openFile(file, path, step, () => forgets('content'));
    },
    readFile: async (path) => {
      await look();
      const node = find(top, path);
      if (node === null) throw fault('ENOENT', path);
      if (node.kind !== 'file') throw fault('EISDIR', path);
      return Buffer.from(node.content);
    },
    list: async (path) => {
      await look();
      const node = find(top, path);
      return node?.kind === 'directory' ? [...node.entries.keys()] : [];
    },
    kindOf: async (path) => {
      await look();
      return find(top, path)?.kind ?? null;
    },
    readLink: async (path) => {
      await look();
      const node = find(top, path);
      if (node?.kind !== 'link') throw fault('EINVAL', path);
      return node.target;
    },
    symlink: async (target, path) => {
      await step(`symlink ${path}`);
      requireFree(top, path);
      change(parentOf(top, path), { name: basename(path), node: { kind: 'link', target } });
    },
    rename: async (from, to) => {
      await step(`rename ${to}`);
      const node = find(top, from);
      if (node === null) throw fault('ENOENT', from);
      const there = find(top, to);
      if (there?.kind === 'directory' && (node.kind !== 'directory' || there.entries.size > 0)) {
        throw fault(node.kind === 'directory' ? 'ENOTEMPTY' : 'EISDIR', to);
      }
      const rename = node.kind === 'directory' ? { rename: { settled: false } } : {};
      change(parentOf(top, from), { name: basename(from), node: null, ...rename });
      change(parentOf(top, to), { name: basename(to), node, ...rename });
    },
    unlink: async (path) => {
      await step(`unlink ${path}`);
      const node = find(top, path);
      if (node === null) throw fault('ENOENT', path);
      if (node.kind === 'directory') throw fault('EISDIR', path);
      change(parentOf(top, path), { name: basename(path), node: null });
    },
    rmdir: async (path) => {
      await step(`rmdir ${path}`);
      const node = find(top, path);
      if (node?.kind !== 'directory') throw fault(node === null ? 'ENOENT' : 'ENOTDIR', path);
      if (node.entries.size > 0) throw fault('ENOTEMPTY', path);
      change(parentOf(top, path), { name: basename(path), node: null });
    },
    syncDirectory: async (path) => {
      await step(`sync ${path}`);
      const node = find(top, path);
      if (node?.kind !== 'directory') throw fault('ENOENT', path);
      if (!forgets('names')) settle(node);
    },
    freeBytes: async () => {
      await look();
      return options.freeBytes ?? 1e12;
    },
  };
}

function openFile(
  file: FileNode,
  path: string,
  step: (call: string, half?: () => void) => Promise<void>,
  forgets: () => boolean,
): NewFile {
  const append = (bytes: Uint8Array) => {
    file.content = Buffer.concat([file.content, bytes]);
  };
  return {
    write: async (chunk) => {
      await step(`write ${path}`, () => append(chunk.subarray(0, chunk.length >> 1)));
      append(chunk);
    },
    sync: async () => {
      await step(`sync ${path}`);
      if (!forgets()) file.durable = file.content;
    },
    close: async () => undefined,
  };
}

function settle(directory: Directory): void {
  directory.durable.clear();
  for (const [name, node] of directory.entries) directory.durable.set(name, node);
  for (const { node, rename } of directory.pending) if (rename !== undefined && node !== null) rename.settled = true;
  directory.pending.length = 0;
}

function find(top: Directory, path: string): Node | null {
  let node: Node | undefined = top;
  for (const part of path.split('/').filter((text) => text !== '')) {
    if (node?.kind !== 'directory') return null;
    node = node.entries.get(part);
  }
  return node ?? null;
}

function parentOf(top: Directory, path: string): Directory {
  const node = find(top, dirname(path));
  if (node?.kind !== 'directory') throw fault('ENOENT', path);
  return node;
}

function requireFree(top: Directory, path: string): void {
  if (find(top, path) !== null) throw fault('EEXIST', path);
  parentOf(top, path);
}

function fault(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}

/** A copy of the tree as it is after the crash. Nodes with two names stay one node. */
function survivorOf(top: Directory, survival: Survival): Directory {
  const chance = createChance(survival);
  const copies = new Map<Node, Node>();
  const copy = (node: Node): Node => {
    const made = copies.get(node) ?? emptyCopy(node, survival, chance);
    if (copies.has(node)) return made;
    copies.set(node, made);
    if (node.kind !== 'directory' || made.kind !== 'directory') return made;
    if (survival === 'killed') copyAsItIs(node, made, copy, chance);
    else copyDurable(node, made, copy, chance);
    return made;
  };
  return copy(top) as Directory;
}

interface Chance {
  readonly random: () => number;
  /** What becomes of a rename's two halves; and the copy of what they have in common. */
  fateOf(rename: Rename): { readonly kept: boolean; readonly copy: Rename };
  keeps(change: Change): boolean;
  /** Directories that have a name already: they are never seen twice. */
  readonly named: Set<Node>;
}

function createChance(survival: Survival): Chance {
  const random = typeof survival === 'object' ? createRandom(survival.seed) : () => 0;
  const isKept = () => survival === 'everything' || (typeof survival === 'object' && random() < 0.5);
  const fates = new Map<Rename, { kept: boolean; copy: Rename }>();
  const fateOf = (rename: Rename) => {
    const fate = fates.get(rename) ?? { kept: rename.settled || isKept(), copy: { ...rename } };
    fates.set(rename, fate);
    return fate;
  };
  const keeps = ({ rename }: Change) => (rename === undefined ? isKept() : fateOf(rename).kept);
  return { random, fateOf, keeps, named: new Set() };
}

function emptyCopy(node: Node, survival: Survival, { random }: Chance): Node {
  if (node.kind === 'directory') return newDirectory();
  return node.kind === 'link' ? node : fileAfter(node, survival, random);
}

/** The process is gone, the kernel is not: names are there, and still not synced. */
function copyAsItIs(from: Directory, to: Directory, copy: (node: Node) => Node, { fateOf }: Chance): void {
  for (const [name, entry] of from.entries) to.entries.set(name, copy(entry));
  for (const [name, entry] of from.durable) to.durable.set(name, copy(entry));
  for (const { name, node, rename } of from.pending) {
    const half = rename === undefined ? {} : { rename: fateOf(rename).copy };
    to.pending.push({ name, node: node && copy(node), ...half });
  }
}

function copyDurable(from: Directory, to: Directory, copy: (node: Node) => Node, { keeps, named }: Chance): void {
  const names = new Map(from.durable);
  for (const { name, node } of from.pending.filter(keeps)) {
    if (node === null) names.delete(name);
    else names.set(name, node);
  }
  for (const [name, entry] of names) {
    if (entry.kind === 'directory' && named.has(entry)) continue;
    named.add(entry);
    to.entries.set(name, copy(entry));
  }
  settle(to);
}

/** Of content that was not synced a power cut leaves nothing, a part, as many zeros, or all. */
function fileAfter(file: FileNode, survival: Survival, random: () => number): FileNode {
  if (survival === 'killed') return { ...file };
  const content = contentAfter(file, survival, random);
  return { kind: 'file', content, durable: content };
}

function contentAfter({ content, durable }: FileNode, survival: Survival, random: () => number): Buffer {
  if (durable === content || survival === 'everything') return content;
  if (survival === 'nothing') return durable ?? Buffer.alloc(0);
  const choices = [
    durable ?? Buffer.alloc(0),
    content,
    Buffer.alloc(content.length),
    content.subarray(0, content.length >> 1),
  ];
  return choices[Math.floor(random() * choices.length)] ?? content;
}

/** mulberry32: small, and the same everywhere. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
