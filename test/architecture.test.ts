import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import t from 'tap';

/** The house plan as data: who may import whom, and the one importer of each foreign library. */
const ROOT = new URL('..', import.meta.url).pathname;
const ALL = ['core', 'config', 'observe', 'system', 'models', 'admin', 'cli', 'backends', 'tasks', 'http', 'oip'];

const MAY_IMPORT: Record<string, readonly string[]> = {
  core: ['core'],
  config: ['core', 'config'],
  observe: ['core', 'observe'],
  system: ['core', 'system'],
  models: ['core', 'models'],
  admin: ['core', 'admin', 'system/socket-file.ts'],
  cli: ['core', 'config', 'models', 'observe', 'system', 'cli'],
  backends: ['core', 'backends', 'system/native.ts'],
  tasks: ['core', 'tasks'],
  http: ['core', 'http', 'system/native.ts', 'system/socket-file.ts'],
  oip: ['core', 'oip'],
  root: ALL,
};

const FOREIGN: Record<string, readonly string[]> = {
  'uWebSockets.js': ['http/uws.ts'],
  yaml: ['config/render.ts'],
  'onnxruntime-node': ['backends/cpu/ort.ts'],
  pino: ['observe/log.ts'],
  'prom-client': [
    'observe/metrics.ts',
    'observe/duration-histogram.ts',
    'observe/readings.ts',
    'observe/device-readings.ts',
    'observe/version-readings.ts',
    'observe/stream-readings.ts',
  ],
  koffi: ['system/notify.ts', 'system/journal.ts', 'system/file-lock.ts', 'admin/peer.ts', 'backends/hailo/ffi.ts'],
  'hash-wasm': ['models/hef.ts'],
  'csv-parse': ['cli/feed-csv.ts'],
  ws: ['system/websocket.ts'],
};
const EVERYWHERE = /^(node:|typebox(\/|$))/;

interface Import {
  readonly from: string;
  readonly to: string;
}

const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts'));
const imports: Import[] = sources.flatMap((file) => importsOf(file).map((to) => ({ from: file, to })));

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, 'src', file), 'utf8');
  const statement = /^(?:import|export)\s[^;]*?from\s+'([^']+)'|\bimport\('([^']+)'\)|^import\s+'([^']+)'/gm;
  return [...text.matchAll(statement)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** A relative import as a path below src/, a package as its name. */
function resolve({ from, to }: Import): string {
  if (!to.startsWith('.')) return to;
  return relative('.', normalize(join(dirname(from), to)));
}

const layerOf = (path: string) => (path.includes('/') ? (path.split('/')[0] ?? 'root') : 'root');
const isOurs = ({ to }: Import) => to.startsWith('.');
const show = (i: Import) => `${i.from} → ${i.to}`;

t.test('layers import only what the table allows', async (t) => {
  const isAllowed = (i: Import) => {
    const target = resolve(i);
    const allowed = MAY_IMPORT[layerOf(i.from)] ?? [];
    if (layerOf(target) === 'root') return layerOf(i.from) === 'root' || target === '../package.json';
    return allowed.some((entry) => target === entry || layerOf(target) === entry);
  };
  t.ok(imports.length > 50, 'the scan finds imports');
  t.same(
    imports
      .filter(isOurs)
      .filter((i) => !isAllowed(i))
      .map(show),
    [],
  );
});

t.test('siblings never import each other: backends, tasks', async (t) => {
  const folderOf = (path: string) => path.split('/').slice(0, 2).join('/');
  const crosses = (i: Import) => {
    const target = resolve(i);
    const layer = layerOf(i.from);
    const isTable = i.from === `${layer}/index.ts`;
    return (
      ['backends', 'tasks'].includes(layer) &&
      !isTable &&
      layerOf(target) === layer &&
      folderOf(i.from) !== folderOf(target)
    );
  };
  t.same(imports.filter(isOurs).filter(crosses).map(show), []);
});

t.test('each foreign library has one importer', async (t) => {
  const isAllowed = (i: Import) => EVERYWHERE.test(i.to) || (FOREIGN[i.to] ?? []).includes(i.from);
  t.same(
    imports
      .filter((i) => !isOurs(i))
      .filter((i) => !isAllowed(i))
      .map(show),
    [],
  );
});

t.test('core knows nothing of ours and no I/O', async (t) => {
  t.same(
    imports.filter((i) => layerOf(i.from) === 'core' && /^node:(fs|net|http|child|worker)/.test(i.to)).map(show),
    [],
  );
});

t.test('file names are kebab-case, and index.ts is only for the two tables', async (t) => {
  const isNamedWell = (file: string) =>
    /^([a-z0-9-]+\/)*[a-z0-9-]+\.ts$/.test(file) &&
    (!file.endsWith('index.ts') || ['backends/index.ts', 'tasks/index.ts'].includes(file));
  t.same(
    sources.filter((file) => !isNamedWell(file)),
    [],
  );
});

t.test('no file outgrows one room', async (t) => {
  const lines = (file: string) => readFileSync(join(ROOT, 'src', file), 'utf8').split('\n').length;
  t.same(
    sources.filter((file) => lines(file) > 220),
    [],
  );
});

t.test('nobody is called Manager, Helper, Util, Service or Base', async (t) => {
  const declaration = /\b(?:class|interface|function|const|type)\s+\w*(?:Manager|Helper|Utils?|Service|Base)\b/;
  t.same(
    sources.filter((file) => declaration.test(readFileSync(join(ROOT, 'src', file), 'utf8'))),
    [],
  );
});

t.test('the time of day, which jumps, is asked only where a person or a file name gets it', async (t) => {
  const mayAsk = new Set([
    'observe/log.ts',
    'observe/metrics.ts',
    'config/write.ts',
    'system/native-cache.ts',
    'system/boot.ts',
  ]);
  const asks = sources.filter((file) => /Date\.now|new Date\b/.test(readFileSync(join(ROOT, 'src', file), 'utf8')));
  t.same(
    asks.filter((file) => !mayAsk.has(file)),
    [],
  );
});
