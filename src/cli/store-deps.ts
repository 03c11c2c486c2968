import { SidecarError } from '../core/errors.ts';
import type { Store } from '../models/store/store.ts';
import type { Io } from './io.ts';

/** What the commands about the store and the running daemon need of the other layers. */
export interface StoreDeps {
  readonly store: Store;
  /** Runs the work as the owner of the store, so that root leaves no files that the service cannot change. */
  asOwner<T>(work: () => Promise<T>): Promise<T>;
  /** The same for what only a daemon may change while one runs. Throws CONFLICT then. */
  offline<T>(work: () => Promise<T>): Promise<T>;
  /** Asks the running daemon; null when none runs. Throws what the daemon answers. */
  ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<DaemonReply | null>;
  /** The configuration names the model to serve: the sentence; null otherwise. */
  readonly whyPinned: string | null;
  /** name@version of the model that ships with the program; null when it cannot be read. */
  packagedId(): Promise<string | null>;
  readonly boot: string;
  now(): string;
}

export interface Gate {
  readonly name: string;
  readonly ok: boolean | null;
  readonly text: string;
}

/** What the daemon says after a command; see admin-routes.ts. */
export interface DaemonReply {
  readonly ok: boolean;
  readonly error?: { readonly code: string; readonly message: string };
  readonly gates?: readonly Gate[];
  /** name@version of what answers now. */
  readonly serves?: string;
  /** Why it answers nobody; null while it does. */
  readonly failure?: string | null;
  readonly ms?: number;
  readonly active?: string;
  readonly previous?: string | null;
  readonly candidate?: { readonly ref: string; readonly mode: string; readonly share: number } | null;
  readonly probation?: {
    readonly ref: string;
    readonly phase: string;
    readonly remaining_s: number | null;
    readonly requests: number;
    readonly error_ratio: number | null;
  } | null;
  readonly refused?: readonly { readonly ref: string; readonly why: string; readonly at: string }[];
  readonly loaded?: readonly { readonly role: string; readonly id: string; readonly ref: string | null }[];
}

export function printGates(io: Io, gates: readonly Gate[]): void {
  for (const gate of gates) io.out(`${toGateMark(io, gate)} ${gate.name}: ${gate.text}`);
}

/** A gate without a verdict is neither good nor bad. */
export function toGateMark({ colour }: Io, { ok }: Pick<Gate, 'ok'>): string {
  if (ok === null) return colour.dim('-');
  return ok ? colour.green('✓') : colour.red('✗');
}

/** What to do with a bundle that was just made. */
export function tellNextSteps(io: Io, directory: string): void {
  io.out(`  Put it into the store with: sudo hailo-tcn-sidecar model install ${directory}`);
  io.out(`  Serve it with: MODEL_BUNDLE=${directory} hailo-tcn-sidecar serve`);
}

/** The operand of a command. Throws USAGE. */
export function requireOperand(value: string | undefined, command: string, what: string): string {
  if (value !== undefined) return value;
  throw new SidecarError('USAGE', `model ${command} needs ${what}. See "hailo-tcn-sidecar model --help".`);
}

export function requireDaemon(reply: DaemonReply | null, command: string): DaemonReply {
  if (reply !== null) return reply;
  throw new SidecarError(
    'UNAVAILABLE',
    `model ${command} needs the running daemon, and none answers: systemctl start hailo-tcn-sidecar.`,
  );
}

/** 2,097,152 → "2.1 MB" */
export function showBytes(bytes: number | null): string {
  if (bytes === null) return '';
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
