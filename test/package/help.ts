import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../e2e/launch.ts';

/** Command → how it is called, as its help says it, e.g. "config check" → "config check [FILE] [--json]". */
export type Synopses = ReadonlyMap<string, string>;

const PROGRAM = 'hailo-tcn-sidecar';
/** A line of a list of commands: two spaces, the name. */
const LISTED = /^ {2}([a-z][a-z-]*)(.*)$/;
/** More options of the line before; descriptions stand further to the right. */
const CONTINUED = /^ {3,16}(?=\[|--)(.*)$/;

/** What the program prints, from the sources. */
export function help(...command: string[]): string {
  const entry = join(ROOT, 'packaging/single-file/entry.ts');
  return execFileSync(process.execPath, [entry, ...command, '--help'], { encoding: 'utf8' });
}

/** Every command that the program names, with what it takes. Throws when a help text cannot be understood. */
export function readSynopses(): Synopses {
  return new Map(commandsIn(help()).flatMap((command) => [...synopsesOf(command, help(command))]));
}

/** The options of the program itself. */
export function globalOptions(): string[] {
  return optionsIn(section(help(), 'Options').join('\n'));
}

/** The options in a text, each once, sorted. */
export function optionsIn(text: string): string[] {
  return [...new Set([...text.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([option]) => option))].sort();
}

function commandsIn(text: string): string[] {
  return section(text, 'Commands').flatMap((line) => LISTED.exec(line)?.[1] ?? []);
}

function synopsesOf(command: string, text: string): Synopses {
  const list = section(text, 'Commands');
  if (list.length > 0) return new Map(joinContinued(list).map((call) => entry(`${command} ${call}`)));
  const usage = new RegExp(`^Usage: ${PROGRAM} (.*)$`, 'm').exec(text)?.[1];
  if (usage === undefined) throw new Error(`"${command} --help" has no usage line.`);
  return new Map([entry(usage)]);
}

/** Each listed command with the options on its own line and on those that follow, without its description. */
function joinContinued(list: readonly string[]): string[] {
  const calls: string[] = [];
  for (const line of list) {
    const [, name, rest = ''] = LISTED.exec(line) ?? [];
    const more = CONTINUED.exec(line)?.[1];
    if (name !== undefined) calls.push(name + rest);
    else if (more !== undefined) calls.push(`${calls.pop()} ${more}`);
  }
  return calls;
}

/** The command's name is what stands before its options and operands. */
function entry(call: string): [string, string] {
  return [call.split(/ (?=\[|--|[A-Z])/)[0] ?? call, call];
}

/** The lines below a heading, up to the next empty line. */
function section(text: string, heading: string): string[] {
  const lines = text.split('\n');
  const start = lines.indexOf(`${heading}:`);
  if (start < 0) return [];
  const end = lines.indexOf('', start);
  return lines.slice(start + 1, end < 0 ? undefined : end);
}
