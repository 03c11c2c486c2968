import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HailoSettings } from '../../src/backends/hailo/backend.ts';
import type { ModelSource } from '../../src/core/backend.ts';
import { sha256, writeTinyBundle } from '../fixtures/bundle.ts';
import { buildStandIn } from './hailort/build.ts';
import { type HeaderVersion, standInHef } from './hailort/hef.ts';
import { writeScript } from './hailort/script.ts';
import { type TinyHef, tinyHef } from './hailort/tiny-hef.ts';

/** A chip that is none: a device node, a library behind the real C interface, and a model for it. */
export interface StandInChip {
  /** Has dev/hailo0. */
  readonly root: string;
  readonly library: string;
  readonly source: ModelSource;
  readonly hefPath: string;
  /** Takes the device node away, and puts it there. */
  pullOut(): void;
  plugIn(): void;
  /** Puts these lines of the stand-in's script in force; awaited, they are. */
  script(...lines: string[]): Promise<void>;
  /** Calls so far as `name status`, frames aside. */
  calls(): string[];
}

/** What a directory of the test's own must hold. */
export type ChipTree = Record<string, Record<string, string>>;

export interface ChipOptions {
  readonly version?: string;
  readonly hef?: TinyHef;
  readonly header?: HeaderVersion;
  /** Functions that the library lacks. */
  readonly omit?: readonly string[];
}

/** One per test process: the library's settings are environment variables of the process that starts its hosts. */
export function insertChip(t: { testdir(tree: ChipTree): string }, options: ChipOptions = {}): StandInChip {
  const root = t.testdir({ dev: { hailo0: '' } });
  const [script, log, hefPath] = ['script', 'calls', 'model.hef'].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  const library = buildStandIn({ version: options.version ?? '4.23.0', directory: root, omit: options.omit ?? [] });
  const hef = standInHef(tinyHef(options.hef), { header: options.header ?? 2 });
  writeFileSync(hefPath, hef);
  writeFileSync(log, '');
  writeScript(script);
  Object.assign(process.env, { STANDIN_HAILORT_SCRIPT: script, STANDIN_HAILORT_LOG: log });
  const { source } = writeTinyBundle(join(root, 'bundle'));
  const artefact = {
    kind: 'hef',
    path: hefPath,
    sha256: sha256(hef),
    inputLayout: options.hef?.layout ?? [100, 9, 1],
  } as const;
  return {
    root,
    library,
    source: { ...source, artefacts: [...source.artefacts, artefact] },
    hefPath,
    pullOut: () => rmSync(join(root, 'dev/hailo0')),
    plugIn: () => writeFileSync(join(root, 'dev/hailo0'), ''),
    script: async (...lines) => {
      writeScript(script, ...lines);
      await new Promise((resolve) => setTimeout(resolve, 30)); // until every process has looked
    },
    calls: () => readFileSync(log, 'utf8').trim().split('\n'),
  };
}

/** backend.hailo for a library, with timeouts that a test can wait for. */
export function settingsFor(library: string, change: Partial<HailoSettings> = {}): HailoSettings {
  return {
    library,
    deviceId: null,
    multiProcessService: false,
    timeoutMs: 200,
    batchSize: 1,
    probeIntervalMs: 50,
    keepAliveMs: null,
    heatLimits: () => ({ warningCelsius: 70, criticalCelsius: 85 }),
    ...change,
  };
}
