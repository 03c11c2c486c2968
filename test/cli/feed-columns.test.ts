import t from 'tap';
import { CHANNELS, understandColumn } from '../../src/cli/feed-columns.ts';
import { layOut } from '../../src/cli/feed-table.ts';

const show = (name: string) => {
  const meaning = understandColumn(name);
  if (meaning.kind === 'channel') return meaning.unit === null ? meaning.channel : `${meaning.channel} ${meaning.unit}`;
  return meaning.kind === 'time' ? `time ${meaning.unit ?? '?'}` : 'other';
};

t.test('names that people give columns are understood, and their units', async (t) => {
  const names: Record<string, string> = {
    ax: 'ax',
    acc_x: 'ax',
    accel_y: 'ay',
    accelerometer_z: 'az',
    accX: 'ax',
    'Acc_X (m/s^2)': 'ax m/s2',
    'accel x [g]': 'ax g',
    'AccelerometerZ (m/s²)': 'az m/s2',
    'acc.y (m·s⁻²)': 'ay m/s2',
    ax_g: 'ax g',
    ay_mps2: 'ay m/s2',
    az_mg: 'az mg',
    'linear_acceleration.x': 'ax',
    gx: 'gx',
    gyro_x: 'gx',
    gyr_y: 'gy',
    gyroscope_z: 'gz',
    'angular_velocity.x': 'gx',
    wx: 'gx',
    gyro_x_dps: 'gx deg/s',
    'Gyro X (°/s)': 'gx deg/s',
    'gyrY[rad/s]': 'gy rad/s',
    'gz (mdps)': 'gz mdeg/s',
    mx: 'mx',
    mag_x: 'mx',
    magnetometer_y: 'my',
    'MagZ (µT)': 'mz uT',
    'magneticField_x (μT)': 'mx uT',
    'my (G)': 'my G',
    'mz [mG]': 'mz mG',
    'mag_z (nT)': 'mz nT',
    in_accel_x: 'other',
    imu_ax: 'ax',
    'x-axis acc': 'ax',
    x_acc: 'ax',
    acc_x_filtered: 'other',
    temperature: 'other',
    'acc_x (furlong)': 'ax ?furlong',
    t_ms: 'time ms',
    t: 'time ?',
    timestamp: 'time ?',
    timestamp_ns: 'time ns',
    'Time (s)': 'time s',
    time_us: 'time us',
    seconds_elapsed: 'time s',
    millis: 'time ms',
    epoch: 'time ?',
    Zeit: 'time ?',
    'zeit (ms)': 'time ms',
    Zeitstempel: 'time ?',
    timestamp_ms: 'time ms',
    'Zeit [Sekunden]': 'time s',
    gt: 'other',
    label: 'other',
  };
  for (const [name, meaning] of Object.entries(names)) t.equal(show(name), meaning, name);
});

t.test('every channel by its own name is understood as itself', async (t) => {
  t.same(CHANNELS.map(show), [...CHANNELS]);
});

t.test('columns in any order are laid out in that of the model', async (t) => {
  const layout = layOut(['mz', 'my', 'mx', 'temp', 'gz', 'gy', 'gx', 'time (s)', 'az (g)', 'ay (g)', 'ax (g)'], 'f');
  t.same(layout.channels, [10, 9, 8, 6, 5, 4, 2, 1, 0]);
  t.match(layout, { time: { column: 7, unit: 's' }, units: { acc: 'g' }, ignored: ['temp'] });
});

t.test('what is missing, there twice or in no one unit is told by name', async (t) => {
  const six = ['ax', 'ay', 'az', 'gx', 'gy', 'gz'];
  t.throws(() => layOut(six, 'walk.csv'), {
    code: 'INVALID_INPUT',
    message: /^walk\.csv has no column for mx, my, mz;/,
  });
  t.throws(() => layOut([...CHANNELS, 'acc_x'], 'f'), { message: /both "ax" and "acc_x" look like ax.*--columns/ });
  const mixed = ['ax (g)', 'ay (m/s2)', ...CHANNELS.slice(2)];
  t.throws(() => layOut(mixed, 'f'), { message: /"ay \(m\/s2\)" is in m\/s2, another one of the accelerometer in g/ });
  const strange = ['ax (furlong)', ...CHANNELS.slice(1)];
  t.throws(() => layOut(strange, 'f'), { message: /"furlong", which is not known here\. Say --acc-unit/ });
  t.match(layOut(strange, 'f', { acc: 'g' }).units, { acc: 'g' }, 'the command line has the last word');
});
