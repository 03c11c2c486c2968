import { createHash } from 'node:crypto';
import { constants, copyFileSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Value } from 'typebox/value';
import { messageOf, SidecarError } from '../../core/errors.ts';
import { type Manifest, ManifestSchema, type MotifHead } from '../../core/manifest.ts';
import { type Bundle, loadBundle } from '../bundle.ts';
import { fileOf } from '../bundle-files.ts';
import { checkData, type ParseYaml } from '../manifest.ts';
import { besides, publish, requireFree } from '../publish.ts';

/** Where the new bundle goes, and what it is called. */
export interface HeadedPlace {
  readonly out: string;
  /** null: as the source. */
  readonly name: string | null;
  /** null: the source's with -motifs1 behind it, or the next number where it has that already. */
  readonly version: string | null;
  readonly replace: boolean;
}

export interface NewHead {
  /** Without its version, which becomes the bundle's. */
  readonly head: NoVersion<MotifHead>;
  /** From what it was made, for the manifest. */
  readonly source: string;
  /** What the description gains. */
  readonly sentence: string;
}
type NoVersion<T> = T extends unknown ? Omit<T, 'version'> : never;

export interface HeadedParts {
  checkManifest(manifest: Manifest, head: MotifHead | null): readonly string[];
  readonly parseYaml: ParseYaml;
  toYaml(data: unknown): string;
}

export type HeadedId = Pick<Manifest, 'name' | 'version'>;

const NAME_RULE =
  'up to 64 letters, digits, dots, dashes and underscores, a letter or digit first; a name in lower case';

/** What the new bundle will be called. Throws USAGE when the place is taken, is the source itself, or a name is not one. */
export function planHeaded(source: Bundle, place: HeadedPlace): HeadedId {
  requireFree(resolve(place.out), place.replace);
  requireOther(source.directory, place.out);
  const name = place.name ?? source.manifest.name;
  const version = place.version ?? nextVersion(source.manifest.version);
  for (const [option, value, key] of [
    ['--name', name, 'name'],
    ['--bundle-version', version, 'version'],
  ] as const) {
    if (Value.Check(ManifestSchema.properties[key], value)) continue;
    throw new SidecarError('USAGE', `${option} "${value}" cannot be used: it takes ${NAME_RULE}.`);
  }
  return { name, version };
}

/**
 * Writes a bundle like `source`, with another motif head. It appears at `out` whole and verified, or not at all. Throws
 * MODEL_INVALID (the task could not serve it) or UNAVAILABLE (it cannot be written).
 */
export async function writeHeaded(
  source: Bundle,
  place: HeadedPlace,
  made: NewHead,
  parts: HeadedParts,
): Promise<Bundle> {
  const id = planHeaded(source, place);
  const out = resolve(place.out);
  const staging = besides(out, 'tmp');
  try {
    mkdirSync(staging); // not recursive: below /proc that never returns
    stage(source, staging, { ...made, id }, parts);
    const bundle = await loadBundle(staging, parts);
    publish(staging, out);
    const artefacts = bundle.artefacts.map((artefact) => ({ ...artefact, path: join(out, basename(artefact.path)) }));
    return { ...bundle, directory: place.out, artefacts };
  } catch (thrown) {
    rmSync(staging, { recursive: true, force: true });
    if (thrown instanceof SidecarError) throw thrown;
    const sentence = `The bundle cannot be written to ${place.out}: ${messageOf(thrown)}. Nothing was left behind.`;
    throw new SidecarError('UNAVAILABLE', sentence, { cause: thrown });
  }
}

function requireOther(from: string, out: string): void {
  if (toReal(from) !== toReal(out)) return;
  throw new SidecarError(
    'USAGE',
    `--out ${out} is the bundle that the motifs are made from, which stays: name another --out.`,
  );
}

function toReal(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path); // it is not there yet
  }
}

function nextVersion(version: string): string {
  const match = /^(.*)-motifs([0-9]{1,6})$/.exec(version);
  return match === null ? `${version}-motifs1` : `${match[1]}-motifs${Number(match[2]) + 1}`;
}

function stage(source: Bundle, directory: string, made: NewHead & { readonly id: HeadedId }, parts: HeadedParts): void {
  const { artefacts, golden } = source.manifest;
  for (const file of [...artefacts.map((artefact) => artefact.file), golden]) {
    copyFileSync(fileOf(source.directory, file), join(directory, file), constants.COPYFILE_EXCL);
  }
  const head = { ...made.head, version: made.id.version } as MotifHead;
  const text = `${JSON.stringify(head)}\n`;
  const manifest = describe(source.manifest, made, text);
  const problems = parts.checkManifest(manifest, head);
  if (problems.length > 0) throw new SidecarError('MODEL_INVALID', `The model cannot be served: ${problems.join(' ')}`);
  writeFileSync(join(directory, headFile(source.manifest)), text, { flag: 'wx' });
  const checked = checkData<Manifest>(ManifestSchema, manifest, 'the new manifest');
  writeFileSync(join(directory, 'manifest.yaml'), parts.toYaml(checked), { flag: 'wx' });
}

function describe(manifest: Manifest, made: NewHead & { readonly id: HeadedId }, text: string): Manifest {
  const { head, source, id } = made;
  const sha256 = createHash('sha256').update(text).digest('hex');
  return {
    ...manifest,
    ...id,
    description: `${manifest.description.trim()} ${made.sentence}`.trim(),
    motifs: { labels: [...head.labels], head: { kind: head.kind, file: headFile(manifest), sha256, source } },
  };
}

/** head.json, unless the bundle has an artefact of that name. */
function headFile({ artefacts, golden }: Manifest): string {
  const taken = [...artefacts.map(({ file }) => file), golden];
  return taken.includes('head.json') ? 'motif-head.json' : 'head.json';
}
