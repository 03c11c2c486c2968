import type { TaskKind } from '../core/task.ts';
import { tcn } from './tcn/task.ts';

/** Every task this program knows; a new one is a folder and an entry here. */
export const TASKS: readonly TaskKind[] = [tcn];
