import { Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { messageOf } from '../core/errors.ts';
import { ConfigError, type Position, type Problem } from './problems.ts';
import type { SourceEntry, SourceNode } from './source.ts';

type Locate = (offset: number) => Position;
type Blame = (offset: number, message: string) => Problem;

const TOO_DEEP = 'nested too deeply; this is no configuration.';

/** The library's findings in the words of somebody who edits a file; others keep the library's sentence. */
const SYNTAX: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'a tab as indentation. Indent with spaces.',
  MULTIPLE_DOCS: 'a second document begins here ("---"). The configuration is one document.',
  RESOURCE_EXHAUSTION: TOO_DEEP,
  BLOCK_AS_IMPLICIT_KEY:
    'a mapping cannot begin here. Put the key on a line of its own, or quote the value if it contains ": ".',
  BAD_INDENT: 'wrong indentation, or a bracket that is not closed.',
};

/**
 * YAML 1.2 text → tree with positions; null when the file holds nothing but comments.
 * Throws ConfigError with every syntax error. Anchors, aliases, tags and directives are refused: a configuration
 * needs none of them, and without them its size bounds what it can become.
 */
export function parseYaml(text: string, file: string): SourceNode | null {
  const lines = new LineCounter();
  const locate: Locate = (offset) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problem: Blame = (offset, message) => ({
    source: file,
    at: locate(offset),
    key: null,
    message,
  });
  try {
    return parse(text, lines, locate, problem);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    const message = cause instanceof RangeError ? TOO_DEEP : syntaxMessage('', messageOf(cause));
    throw new ConfigError([problem(0, message)]);
  }
}

function parse(text: string, lineCounter: LineCounter, locate: Locate, problem: Blame): SourceNode | null {
  // Duplicate keys are found later, where the first one's line can be named.
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false, strict: true });
  const problems = document.errors.map((error) => problem(error.pos[0], syntaxMessage(error.code, error.message)));
  if (problems.length === 0) problems.push(...listUnwanted(document, problem));
  if (problems.length > 0) throw new ConfigError(problems);
  return document.contents === null ? null : toSource(document.contents, locate);
}

function syntaxMessage(code: string, message: string): string {
  return SYNTAX[code] ?? `not valid YAML: ${message.replaceAll(/\s+/g, ' ').slice(0, 160)}.`;
}

function listUnwanted(document: Document, problem: Blame): Problem[] {
  const found: Problem[] = [];
  if (document.directives?.yaml.explicit) found.push(problem(0, 'a %YAML directive is not accepted; remove the line.'));
  visit(document, {
    Node: (_, node) => {
      const unwanted = nameUnwanted(node);
      if (unwanted !== null) found.push(problem(offsetOf(node), unwanted));
    },
  });
  return found;
}

function nameUnwanted(node: Node): string | null {
  if (isAlias(node)) return `the alias *${node.source} is not accepted; write the value itself.`;
  if ('anchor' in node && node.anchor !== undefined) return `the anchor &${node.anchor} is not accepted; remove it.`;
  return node.tag === undefined ? null : `the tag ${node.tag} is not accepted; remove it.`;
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

function toSource(node: Node, locate: Locate): SourceNode {
  const at = locate(offsetOf(node));
  if (isMap(node)) {
    const entries = node.items.map(({ key, value }) => toEntry(key as Node, value as Node | null, locate));
    return { kind: 'group', at, entries };
  }
  if (isSeq(node)) return { kind: 'list', at, items: node.items.map((item) => toSource(item as Node, locate)) };
  const value = isScalar(node) ? node.value : null;
  const text = isScalar(node) ? (node.source ?? '') : '';
  return { kind: 'scalar', at, value: value as null | boolean | number | string, text };
}

function toEntry(key: Node | null, value: Node | null, locate: Locate): SourceEntry {
  const at = locate(key === null ? 0 : offsetOf(key));
  const name = isScalar(key) ? (key.source ?? String(key.value)) : '(no plain key)';
  return { name, at, value: value === null ? { kind: 'scalar', at, value: null, text: '' } : toSource(value, locate) };
}

/** Plain data as YAML; a list of plain values stands on one line. */
export function toYaml(data: unknown): string {
  const document = new Document(data);
  visit(document, {
    Seq: (_key, list) => {
      list.flow = list.items.every((item) => isScalar(item));
    },
  });
  return document.toString({ flowCollectionPadding: false, lineWidth: 0 });
}
