import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { State } from './state.ts';

/** One line for `systemctl status` and the terminal: what serves, where, on what. */
export function toStatusLine(state: State): string {
  const { manifest, backend } = state;
  const id = `${manifest.name}@${manifest.version}`;
  const reason = state.failure();
  if (reason !== null) return `Not serving ${id}: ${reason}`;
  const { device, degraded } = backend.state();
  const served = `Serving ${id} at ${toPlaces(state)} on ${device}${whyThere(state)}${toTrials(state)}`;
  return degraded === null ? served : `${served}; degraded: ${degraded}`;
}

function toPlaces({ url, access }: State): string {
  return access?.socket ? `${url} and ${access.socket}` : url;
}

/** What is not settled yet. */
function toTrials({ probationMs, seats }: State): string {
  const { candidate } = seats;
  const probation = probationMs() === null ? '' : ', on probation';
  if (candidate === null) return probation;
  const share = candidate.mode === 'canary' ? `${candidate.share * 100} % canary` : candidate.mode;
  return `${probation}, candidate ${candidate.resident.id} (${share})`;
}

/** Why the CPU computes where nothing is amiss. */
function whyThere({ backend, loaded }: State): string {
  const { kind, degraded } = backend.state();
  if (kind !== 'cpu' || degraded !== null) return '';
  return loaded.config.backend.kind === 'auto' ? ': no Hailo device found' : ', as backend.kind says';
}

/** A line to paste that gets a first answer: an example of the bundle, where it has one, else the built-in window. */
export function toTryLine(state: State): string {
  const example = join(resolve(state.bundle.directory), 'examples', 'walk.json');
  const place = toCurlPlace(state);
  if (!existsSync(example)) return `curl -s -X POST ${place}/test`;
  return `curl -s ${place}/infer -H 'content-type: application/json' -d ${toShellWord(`@${example}`)}`;
}

/** By the Unix socket, where there is one, if the port asks for more than a request. */
function toCurlPlace(state: State): string {
  const { access, loaded } = state;
  const isAsked = loaded.config.security.token_credential !== null;
  if (access?.socket && (isAsked || access.certificate !== null))
    return `--unix-socket ${toShellWord(access.socket)} http://localhost`;
  return toPortPlace(state);
}

/** By the port, for who may be elsewhere: nothing of this machine's files is told. */
export function toPortPlace({ url, loaded }: Pick<State, 'url' | 'loaded'>): string {
  return loaded.config.security.token_credential === null ? url : `-H "Authorization: Bearer $TOKEN" ${url}`;
}

/** As it must stand in a shell's line; plain where that is safe. */
function toShellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
