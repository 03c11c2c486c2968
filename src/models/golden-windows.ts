/** A window of plausible motion, made by formula: the same on every machine. */
export interface MadeWindow {
  readonly name: string;
  /** 100 rows of ax ay az (m/s²), gx gy gz (rad/s), mx my mz (µT), at 100 Hz. */
  readonly x: number[][];
}

const ROWS = 100;
const RATE_HZ = 100;
const GRAVITY = 9.80665;

/** The windows that `model create` lets a model answer: still, walking, turning, shaking. */
export function goldenWindows(): MadeWindow[] {
  return [
    { name: 'still', x: rows(() => [0, 0, GRAVITY, 0, 0, 0, 22, 0, -43]) },
    {
      name: 'walk',
      x: rows((s) => {
        const step = Math.sin(2 * Math.PI * 1.8 * s);
        const sway = Math.sin(2 * Math.PI * 0.9 * s);
        return [
          1.2 * sway,
          0.8 * step,
          GRAVITY + 2.5 * step,
          0.4 * sway,
          0.6 * step,
          0.2 * sway,
          22 + sway,
          1,
          -43 + step,
        ];
      }),
    },
    {
      name: 'turn',
      x: rows((s) => {
        const heading = 1.5 * s;
        return [0.1, 0.3, GRAVITY, 0.02, -0.03, 1.5, 22 * Math.cos(heading), -22 * Math.sin(heading), -43];
      }),
    },
    {
      name: 'shake',
      x: rows((s) => {
        const shake = Math.sin(2 * Math.PI * 6 * s);
        return [
          8 * shake,
          2 * shake,
          GRAVITY - shake,
          9 * shake,
          1.5 * shake,
          3 * shake,
          22 + 4 * shake,
          3 * shake,
          -43,
        ];
      }),
    },
  ];
}

function rows(at: (seconds: number) => number[]): number[][] {
  return Array.from({ length: ROWS }, (_, i) => at(i / RATE_HZ).map((value) => Math.round(value * 1e4) / 1e4));
}
