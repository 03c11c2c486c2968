import type { Inference, ModelSource } from '../../src/core/backend.ts';
import type { StandInChip } from '../fakes/stand-in-chip.ts';
import { sleep } from './load.ts';
import { proofOf, writeOtherModel } from './other-model.ts';

/** A way in which tiny@2 fails to get the device that tiny@1 serves from. */
export interface HandOverFault {
  readonly what: string;
  readonly reason: RegExp;
  second(chip: StandInChip): ModelSource;
  /** In force before the device is asked for; undone by `during`, which runs beside. */
  readonly script?: string;
  during?(chip: StandInChip): Promise<void>;
}

/** The fault strikes at the golden window, and is over when the former model is opened again. */
function strikingProof(script: string): (chip: StandInChip) => ModelSource {
  return (chip) => {
    const prove = async (run: (input: Float32Array) => Promise<Inference>) => {
      await chip.script(script);
      await proofOf(4)(run).finally(() => chip.script());
    };
    return { ...writeOtherModel(chip, 2), prove };
  };
}

/** While the hosts that were started before run on. */
export async function untilOpening(chip: StandInChip): Promise<void> {
  const count = () => chip.calls().filter((call) => call.startsWith('hailo_create_hef_buffer')).length;
  const before = count();
  while (count() === before) await sleep(5);
}

export const HAND_OVER_FAULTS: readonly HandOverFault[] = [
  {
    what: 'a .hef with other tensors than the manifest says',
    reason: /tiny@2 does not serve on the Hailo device: .*Manifest: .*tiny@1 has the device again/,
    second: (chip) => writeOtherModel(chip, 2, { hasMotifs: false }),
  },
  {
    what: 'a .hef that the library refuses to configure',
    reason: /HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE.*tiny@1 has the device again/,
    second: (chip) => writeOtherModel(chip, 2, { arch: 'HAILO10H' }),
  },
  {
    what: 'golden windows that fail on the device',
    reason: /golden windows fail on the device: the golden window is off by .*tiny@1 has the device again/,
    second: (chip) => ({ ...writeOtherModel(chip, 2), prove: proofOf(9) }),
  },
  { what: 'a device that is lost', reason: /STREAM_ABORT.*tiny@1 has the device again/, second: strikingProof('lost') },
  {
    what: 'a host that crashes',
    reason: /ended with SIGSEGV.*tiny@1 has the device again/,
    second: strikingProof('crash hailo_vstream_write_raw_buffer'),
  },
  {
    what: 'a host that hangs at the golden window',
    reason: /did not answer a window within.*tiny@1 has the device again/,
    second: strikingProof('hang hailo_vstream_read_raw_buffer'),
  },
  {
    what: 'a host that hangs while it opens the device',
    reason: /not opened within 3000 ms.*tiny@1 has the device again/,
    second: (chip) => writeOtherModel(chip, 2),
    script: 'hang hailo_configure_vdevice',
    during: async (chip) => {
      await untilOpening(chip);
      await sleep(200);
      await chip.script();
    },
  },
  {
    what: 'a chip that is gone for a while',
    reason: /OUT_OF_PHYSICAL_DEVICES.*tiny@1 is being opened on it again/,
    second: (chip) => writeOtherModel(chip, 2),
    script: 'none',
  },
];

/** How long a model may take to be opened in the tests that let it hang. */
export const TAKE_MS = 3000;
