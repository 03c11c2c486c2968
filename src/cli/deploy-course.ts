import { setTimeout as sleep } from 'node:timers/promises';
import { SidecarError } from '../core/errors.ts';
import type { Clock } from '../core/log.ts';
import type { DeployPlan } from './deploy-plan.ts';
import type { Remote } from './deploy-remote.ts';
import { Interrupted } from './deploy-ssh.ts';
import type { Steps } from './deploy-steps.ts';

/** What is known of a bundle file whose signature and digests are right. */
export interface VerifiedFile {
  /** NAME@VERSION. */
  readonly model: string;
  /** For people: by whom it is signed, or that it is not. */
  readonly text: string;
}

export interface DeployDeps {
  /** Checks a bundle file by the rules of this machine; throws what is wrong with it. */
  verify(file: string): Promise<VerifiedFile>;
  /** For ssh and scp. */
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by ^C: what runs is ended, what was left there is removed. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Between two looks at a probation, and before another attempt; 2 s when not given. */
  readonly pauseMs?: number;
}

/** One deployment under way. */
export interface Course {
  readonly plan: DeployPlan;
  readonly remote: Remote;
  readonly steps: Steps;
  readonly deps: DeployDeps;
}

/** The local file, measured. */
export interface LocalFile extends VerifiedFile {
  readonly path: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

const PAUSE_MS = 2000;
const ATTEMPTS = 3;

export async function pause({ deps }: Course): Promise<void> {
  try {
    await sleep(deps.pauseMs ?? PAUSE_MS, undefined, { signal: deps.signal });
  } catch {
    throw new Interrupted('CLIENT_GONE', 'interrupted');
  }
}

/** Three attempts, for what must be known or done although a connection has just been lost; ^C does not end it. */
export async function insist<T>({ deps }: Course, action: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (thrown) {
      if (attempt === ATTEMPTS || !(thrown instanceof SidecarError)) throw thrown;
      await sleep(deps.pauseMs ?? PAUSE_MS);
    }
  }
}
