import { openAccess, readKeys } from './access.ts';
import { openBackend } from './backends/index.ts';
import { createStoreClaim } from './claim.ts';
import type { LoadedConfig } from './config/load.ts';
import type { Reload } from './config/reload.ts';
import type { Clock } from './core/log.ts';
import { MESSAGE_IDS } from './core/message-ids.ts';
import { createDoors } from './doors.ts';
import { openFirstModel } from './first-model.ts';
import { createServer, type Uws } from './http/server.ts';
import { openModelStore } from './model-store.ts';
import type { Resident } from './models/rollout/resident.ts';
import { Seats } from './models/rollout/seats.ts';
import { PACKAGED } from './models/store/store-state.ts';
import { createLineLimit, within } from './observe/line-limit.ts';
import type { DaemonLog } from './observe/log.ts';
import { createMetrics, type Metrics } from './observe/metrics.ts';
import { createOpener } from './opener.ts';
import { createOrigins } from './origins.ts';
import { startCpuThread, startDeviceHost, toHailoSettings } from './parts.ts';
import { isUnderSystemd, whyNoFile, whyUnreachable } from './reachable.ts';
import { createRecorder, createRefusalRecorder } from './record.ts';
import { reload } from './reload.ts';
import { showServed, toReadings, unmetExpectations } from './report.ts';
import { toStatusLine, toTryLine } from './report-line.ts';
import { createRollout } from './rollout.ts';
import { State } from './state.ts';
import { createStop } from './stop.ts';
import { bootId, timeOfDay, unixTimeMs } from './system/boot.ts';
import { loadNative } from './system/native.ts';
import type { Notify } from './system/notify.ts';
import type { Release } from './system/release.ts';
import { createUndo, type Undo } from './undo.ts';
import { startWatchdog } from './watchdog.ts';

export interface DaemonParts {
  readonly loaded: LoadedConfig;
  readonly log: DaemonLog;
  readonly notify: Notify;
  readonly release: Release;
  readonly clock: Clock;
  /** Where /sys and /dev are; / but in tests. */
  readonly root?: string;
  /** Only a new process can open the device. */
  readonly onStale?: (why: string, node: string) => void;
  readAgain(current: LoadedConfig): Reload;
  expectedVersion(): string | null;
  /** What to do when the start is given up before it is over. */
  onAbandon?(undo: () => Promise<void>): void;
}

export interface Daemon {
  readonly state: State;
  /** Reads the configuration again; a bad one changes nothing. Ignored while stopping. */
  reload(): void;
  /**
   * Serves on for drain_delay_ms, then answers what is in flight, refuses the rest, releases everything. Throws STOP_FAILED
   * when a step failed.
   */
  stop(): Promise<void>;
  /** Leaves what is left of the drain_delay_ms out. */
  hurry(): void;
}

/**
 * The life of the daemon: bundle → backend → model, warm and verified → server → READY. Throws the one error that ended
 * the start, with everything released. A backend that was asked for by name and cannot run is no such error: the daemon
 * stays up, unhealthy, and says why.
 */
export async function start(parts: DaemonParts): Promise<Daemon> {
  const undo = createUndo();
  try {
    return await open(parts, undo);
  } catch (thrown) {
    await undo.run().catch(() => {}); // what ended the start is the thing to tell
    throw thrown;
  }
}

async function open(parts: DaemonParts, undo: Undo): Promise<Daemon> {
  const { log, notify, clock, loaded } = parts;
  const { config } = loaded;
  const keys = readKeys(config, process.env);
  const unreachable = whyUnreachable(config.server.host, process.env);
  for (const warning of [...loaded.warnings, unreachable, whyNoFile(loaded, process.env)])
    if (warning !== null) log.warn({}, warning);
  let state: State | undefined;
  let backendChanged = () => {}; // nobody is told of a start that is not over
  let proofChanged = (_resident: Resident, _failure: string | null) => {};
  const backend = await openBackend({
    kind: config.backend.kind,
    lanes: config.backend.cpu.threads,
    startWorker: startCpuThread,
    hailo: toHailoSettings(() => state?.loaded.config ?? config),
    startHost: startDeviceHost,
    ...(parts.root && { root: parts.root }),
    log,
    onChange: () => backendChanged(),
    ...(parts.onStale && { onStale: parts.onStale }),
  });
  undo.add('backend', () => backend.close());

  const inForce = () => state?.loaded.config ?? config;
  const store = openModelStore(config, { what: 'the daemon', warn: (sentence) => log.warn({}, sentence) });
  const opener = createOpener({
    config: inForce,
    backend,
    store,
    clock,
    log,
    onProof: (...args) => proofChanged(...args),
  });
  const claim = createStoreClaim(config.model.store);
  undo.add('claim', claim.release);
  const boot = bootId();
  const { resident, books } = await openFirstModel({
    config,
    opener,
    store,
    claim,
    boot,
    log,
    now: timeOfDay,
    ...(parts.onAbandon && { onAbandon: parts.onAbandon }),
  });
  const seats = new Seats(resident);
  undo.add('models', () => Promise.all(seats.list().map((seat) => seat.resident.close())));
  state = new State({ ...parts, seats, backend });
  state.books = books;
  state.lastInferenceMs = resident.golden?.medianMs ?? null; // until a window of a client tells better
  const metrics = createMetrics(() => toReadings(state));
  const tell = () => {
    showServed(metrics, state);
    notify.sendStatus(toStatusLine(state));
  };

  const faults = createLineLimit(1, clock, 1000);
  const origins = createOrigins(state);
  const unrecorded = createLineLimit(1, clock, 60_000);
  const server = createServer({
    uws: loadNative('uws') as Uws,
    ...createDoors(state, metrics, log),
    clock,
    limits: { maxBodyBytes: config.server.max_body_bytes, maxConnections: config.server.max_connections },
    settings: () => ({ corsOrigins: origins() }),
    onExchange: createRecorder({ metrics, log, state }),
    onUnrecorded: (err) => {
      within(unrecorded, (more) => log.error({ err, ...more }, 'requests were answered, but could not be recorded'));
    },
    onFault: (err) => within(faults, (more) => log.error({ err, ...more }, 'a connection was closed by a fault')),
    guard: keys.guard,
    onConnectionRefused: createRefusalRecorder({ metrics, log, state }),
  });
  undo.add('streams', async () => state.streams?.close());
  undo.add('server', async () => server.close());
  state.access = await openAccess({ config, keys, server, log, now: unixTimeMs });
  undo.add('certificate', state.access.close);
  showServed(metrics, state);
  if (isReplaced(state)) {
    const text = `model.bundle (${config.model.bundle}) is not there: the model of this program serves`;
    if (isUnderSystemd(process.env)) log.warn({}, `${text}; install the package again`);
    else log.info({}, text);
  }
  for (const unmet of unmetExpectations(state)) log.warn({}, unmet);
  const rollout = createRollout({ state, store, claim, opener, boot, log, tell });
  undo.add('admin socket', await rollout.listen());
  rollout.resume();
  announce(state, log, notify);
  proofChanged = (whose, failure) => {
    tell();
    rollout.proofChanged(whose, failure);
  };
  backendChanged = () => {
    if (state.isStopping) return;
    tell();
    if (state.failure() !== null && backend.state().available) void state.proof?.check(); // back again: proven at once
  };
  undo.add(
    'watchdog',
    startWatchdog(notify, backend, () => state.proof),
  );
  const stop = createStop({ state, log, notify, server, undo, rollout });
  return { state, reload: () => reloadInto(state, parts, metrics), stop: stop.run, hurry: stop.hurry };
}

/** Neither the configuration nor the store names a model, and the package's is not where it should be. */
function isReplaced({ loaded, seats }: State): boolean {
  const { directory } = seats.active.bundle;
  return seats.active.ref === PACKAGED && directory !== loaded.config.model.bundle;
}

function announce(state: State, log: DaemonLog, notify: Notify): void {
  const line = toStatusLine(state);
  notify.ready(line);
  const { manifest, backend } = state;
  const fields = { model: `${manifest.name}@${manifest.version}`, backend: backend.state().kind };
  if (state.failure() === null)
    log.info({ message_id: MESSAGE_IDS.serving, ...fields }, `${line.replace(/\.$/, '')}. Try: ${toTryLine(state)}`);
  else log.error({ message_id: MESSAGE_IDS.notServing, ...fields }, line);
}

function reloadInto(state: State, { log, notify, readAgain }: DaemonParts, metrics: Metrics): void {
  if (state.isStopping) return;
  state.loaded = reload({ log, notify, read: readAgain, statusLine: () => toStatusLine(state) }, state.loaded);
  state.access?.certificate?.check();
  showServed(metrics, state);
}
