import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../e2e/launch.ts';

/** How a command is called, as its help says it. */
export interface Synopsis {
  /** Each way to call it, e.g. "config check [FILE] [--json]". */
  readonly calls: readonly string[];
  /** The calls, and what stands under "Options:": each option, and what it takes. */
  readonly syntax: string;
}

/** By the command's name, e.g. "config check". `model`, whose subcommands share an option, is one, too. */
export type Synopses = ReadonlyMap<string, Synopsis>;

const PROGRAM = 'hailo-tcn-sidecar';
/** A line of a list of commands: two spaces, the name, what it takes ([…], --option VALUE, OPERAND), perhaps what it does. */
const LISTED = /^ {2}([a-z][a-z-]*)((?: (?:\[[^\]]*\]|--[a-z-]+(?: [^-\s]\S*)?|[A-Z]\S*))*)(?= |$)/;
/** More options of the line before; descriptions stand further to the right. */
const CONTINUED = /^ {3,16}(?=\[|--)(.*)$/;
/** The sentence about an option of all subcommands of a command. */
const SHARED = /(--[a-z]+ [A-Z]+), before COMMAND,/;

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
  return [...new Set([...text.matchAll(/(?<![\w-])--[a-z][a-z0-9-]*/g)].map(([option]) => option))].sort();
}

/** The options in a text that take something, each with the first word of it: "--from DIR". */
export function takingOptionsIn(text: string): string[] {
  return [...new Set([...text.matchAll(/--[a-z][a-z0-9-]* [A-Za-z_.]+/g)].map(([option]) => option))];
}

/** What a call takes beside options: "deploy [USER@]HOST FILE [OPTIONS]" → ["[USER@]HOST", "FILE"]. */
export function operandsIn(command: string, call: string): string[] {
  const rest = call.slice(command.length).replaceAll(/\[--[^\]]*\]|--[a-z0-9-]+ \S+|--[a-z0-9-]+|\[OPTIONS\]/g, ' ');
  return rest.split(' ').filter((word) => word !== '');
}

function commandsIn(text: string): string[] {
  return section(text, 'Commands').flatMap((line) => LISTED.exec(line)?.[1] ?? []);
}

function synopsesOf(command: string, text: string): Synopses {
  const usages = [...text.matchAll(new RegExp(`^(?:Usage:|      ) ${PROGRAM} (.*)$`, 'gm'))].map(
    ([, usage = '']) => usage,
  );
  if (usages.length === 0) throw new Error(`"${command} --help" has no usage line.`);
  if (!usages[0]?.startsWith(`${command} COMMAND`)) {
    return new Map([[command, { calls: usages, syntax: [...usages, ...section(text, 'Options')].join('\n') }]]);
  }
  const calls = joinContinued(listIn(text)).map((call) => `${command} ${call}`);
  const shared = SHARED.exec(text)?.[1];
  if (shared !== undefined) calls.unshift(`${command} [${shared}] COMMAND`);
  const byName = Map.groupBy(calls, nameOf);
  return new Map([...byName].map(([name, ways]) => [name, { calls: ways, syntax: ways.join('\n') }]));
}

/** The lines of a help's lists of commands, which may be several, each under a heading of its own. */
function listIn(text: string): string[] {
  const headings = text
    .split('\n')
    .filter((line) => /^[A-Z].*:$/.test(line) && !/^(Files|Environment|Options)/.test(line));
  return headings.flatMap((heading) => section(text, heading.slice(0, -1)));
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
function nameOf(call: string): string {
  return call.split(/ (?=\[|--|[A-Z])/)[0] ?? call;
}

/** The lines below a heading, up to the next empty line. */
function section(text: string, heading: string): string[] {
  const lines = text.split('\n');
  const start = lines.indexOf(`${heading}:`);
  if (start < 0) return [];
  const end = lines.indexOf('', start);
  return lines.slice(start + 1, end < 0 ? undefined : end);
}
