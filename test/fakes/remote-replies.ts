import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { writeTinyBundle } from '../fixtures/bundle.ts';
import { startBox } from './box.ts';
import { runModelCommand } from './model-command.ts';

/** What the real commands print with --json, by the moment at which they were asked. */
export interface RealReplies {
  readonly install: string;
  readonly activate: string;
  /** While tiny@2 is on probation. */
  readonly list: string;
  readonly rollback: string;
  readonly refusal: string;
  /** Of a model whose motifs are called otherwise: a gate that neither passes nor fails. */
  readonly relabelled: string;
  /** The daemon is down, and tiny@2 would go on with its probation. */
  readonly offline: {
    readonly list: string;
    readonly rollback: string;
    readonly after: string;
    readonly activate: string;
  };
}

/** A daemon, then none: tiny@1 is confirmed, tiny@2 on probation. */
export async function recordReplies(t: Test): Promise<RealReplies> {
  const directory = t.testdir();
  const box = await startBox(t, 'probation_s: 300', join(directory, 'store'));
  const json = async (...argv: string[]) => (await runModelCommand(box.configFile, ...argv, '--json')).out;
  const bundle = (version: string) => writeTinyBundle(join(directory, version), {}, { version }).directory;
  await json('install', bundle('1'));
  const install = await json('install', bundle('2'));
  await json('activate', 'tiny@1');
  await json('confirm');
  await json('activate', 'tiny@2');
  const rollback = await json('rollback');
  await json('install', bundle('3'));
  rmSync(join(directory, 'store', 'tiny', '3', 'model.onnx'));
  const refusal = await json('activate', 'tiny@3');
  const motifs = { labels: Array.from({ length: 12 }, (_, i) => `motif ${i}`), head: 'output' as const };
  await json('install', writeTinyBundle(join(directory, '4'), {}, { version: '4', motifs }).directory);
  const relabelled = await json('activate', 'tiny@4');
  await json('rollback');
  const activate = await json('activate', 'tiny@2');
  const list = await json('list');
  await box.stop();
  const offline = {
    list: await json('list'),
    rollback: await json('rollback'),
    after: await json('list'),
    activate: await json('activate', 'tiny@2'),
  };
  return { install, activate, list, rollback, refusal, relabelled, offline };
}
