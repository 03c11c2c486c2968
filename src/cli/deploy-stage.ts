import { messageOf, SidecarError } from '../core/errors.ts';
import { toMegabytes } from './deploy-checks.ts';
import { type Course, insist, type LocalFile } from './deploy-course.ts';
import type { Told } from './deploy-steps.ts';

/** Copies the file there and installs it; the copy is removed whatever happens. */
export async function stage(course: Course, file: LocalFile): Promise<void> {
  const { steps, remote } = course;
  const folder = await steps.take('directory', async () => {
    const value = await remote.makeFolder();
    return { value, text: value };
  });
  // A name of our own: nothing in the file's name can mean anything there.
  const copy = `${folder}/bundle.tcnmodel`;
  try {
    await steps.take('copy', async () => {
      await remote.copy(file.path, copy, file.bytes);
      return { value: null, text: `${toMegabytes(file.bytes)} sent` };
    });
    await steps.take('digest', () => compareDigest(course, file, copy));
    await steps.take('install', () => install(course, file, copy));
  } finally {
    await tidy(course, folder);
  }
}

async function compareDigest({ remote }: Course, { sha256 }: LocalFile, copy: string): Promise<Told<null>> {
  const there = await remote.sha256(copy);
  if (there === sha256) return { value: null, text: `sha256 ${sha256.slice(0, 16)}… on both sides` };
  throw new SidecarError(
    'MODEL_INVALID',
    `the copy has sha256 ${there}, the file ${sha256}: it was changed on the way or meanwhile; try again`,
  );
}

async function install({ remote }: Course, { model }: LocalFile, copy: string): Promise<Told<null>> {
  const reply = await remote.install(copy);
  if (reply.model !== model)
    throw new SidecarError('CONFLICT', `it was installed as ${JSON.stringify(reply.model)}, but is ${model} here`);
  return { value: null, text: reply.alreadyThere ? `${model} was there already` : `${model} is in the store` };
}

/** Nothing that can fail here changes what came of the deployment. */
async function tidy(course: Course, folder: string): Promise<void> {
  const { steps, remote } = course;
  try {
    await insist(course, () => remote.removeFolder(folder));
    steps.note({ name: 'tidy', state: 'ok', text: `${folder} is removed` });
  } catch (thrown) {
    const text = `${folder} on ${remote.destination} is left over, remove it by hand: ${messageOf(thrown)}`;
    steps.note({ name: 'tidy', state: 'warning', text });
  }
}
