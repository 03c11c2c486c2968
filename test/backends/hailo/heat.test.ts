import t from 'tap';
import { type HeatLevel, heatLevel } from '../../../src/backends/hailo/heat.ts';

const limits = { warningCelsius: 70, criticalCelsius: 85 };

t.test('a level is entered at its limit and left only some degrees below', async (t) => {
  let level: HeatLevel = 'normal';
  const levels = [69.9, 70, 68, 66.9, 70, 85, 83, 81.9, 67.5, 66, 90, 20].map((celsius) => {
    level = heatLevel(celsius, level, limits);
    return level;
  });
  t.same(levels, [
    'normal',
    'warm',
    'warm',
    'normal',
    'warm',
    'critical',
    'critical',
    'warm',
    'warm',
    'normal',
    'critical',
    'normal',
  ]);
});
