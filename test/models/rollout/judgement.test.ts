import t from 'tap';
import { judgeProbation } from '../../../src/models/rollout/judgement.ts';
import { LIMITS, vitalFigures } from './vital-figures.ts';

const WELL = vitalFigures();
const breach = (...[now, before = WELL, isFinal = false]: [typeof WELL, (typeof WELL | null)?, boolean?]) =>
  judgeProbation(now, before, LIMITS, isFinal)?.breach ?? null;

t.test('a model that does as its predecessor did breaches nothing, nor does the first of all', async (t) => {
  t.equal(breach(vitalFigures()), null);
  t.equal(breach(vitalFigures(), null), null);
  t.equal(breach(vitalFigures({ answered: 0 })), null);
});

t.test('errors count from 20 windows and 3 errors on, beyond what the predecessor had', async (t) => {
  t.equal(
    breach(vitalFigures({ answered: 17, errors: 3 })),
    '3 of 20 windows failed: 15.00 %, with the model before 0.00 %; at most 1.00 % more are allowed.',
  );
  t.equal(breach(vitalFigures({ answered: 16, errors: 3 })), null, '19 windows');
  t.equal(breach(vitalFigures({ answered: 18, errors: 2 })), null, '2 errors');
  t.equal(breach(vitalFigures({ answered: 990, errors: 10 })), null, 'just allowed');
  t.match(breach(vitalFigures({ answered: 989, errors: 11 })), /^11 of 1000/);
  t.equal(breach(vitalFigures({ answered: 17, errors: 3 }), vitalFigures({ answered: 80, errors: 20 })), null);
  t.match(breach(vitalFigures({ answered: 17, errors: 3 }), vitalFigures({ answered: 0 })), /before 0\.00 %/);
});

t.test('at the end of the probation few windows are enough, for nothing more will be seen', async (t) => {
  t.match(breach(vitalFigures({ answered: 0, errors: 5 }), null, true), /^5 of 5 windows failed: 100\.00 %/);
  t.equal(breach(vitalFigures({ answered: 0, errors: 2 }), null, true), null);
});

t.test(
  'a model too slow to answer at all is seen by its deadlines, unless its predecessor missed them as well',
  async (t) => {
    const late = vitalFigures({ answered: 9, late: 11 });
    t.equal(
      breach(late),
      '11 of 20 windows missed their deadline: 55.00 %, with the model before 0.00 %; at most half may.',
    );
    t.equal(breach(late, null), '11 of 20 windows missed their deadline: 55.00 %; at most half may.');
    t.equal(breach(vitalFigures({ answered: 10, late: 10 })), null);
    t.equal(breach(vitalFigures({ answered: 0, late: 19 })), null);
    t.equal(breach(late, vitalFigures({ answered: 100, late: 150 })), null);
  },
);

t.test('latency counts from 50 windows of both on, beyond the factor and beyond a millisecond', async (t) => {
  t.equal(
    breach(vitalFigures({ median: 2.5 })),
    'Its median latency on hailo is 2.5 ms, 2.5 times the 1.0 ms of the model before; at most 2 times, or 1 ms more, is allowed.',
  );
  t.equal(breach(vitalFigures({ median: 2 })), null, 'the factor itself');
  t.equal(breach(vitalFigures({ median: 19 }), vitalFigures({ median: 10 })), null, 'below the factor');
  t.equal(breach(vitalFigures({ median: 1.1 }), vitalFigures({ median: 0.1 })), null, 'less than 1 ms more');
  t.equal(breach(vitalFigures({ median: 9, answered: 49 })), null, '49 windows');
  t.equal(breach(vitalFigures({ median: 9 }), vitalFigures({ answered: 49 })), null, '49 windows of the predecessor');
  t.equal(breach(vitalFigures({ median: 9 }), null), null);
});

t.test('latency on the CPU is not held against latency on the device', async (t) => {
  t.equal(breach(vitalFigures({ median: 9, backend: 'cpu' })), null);
  t.match(
    breach(vitalFigures({ median: 9, backend: 'cpu' }), vitalFigures({ backend: 'cpu' })),
    /on the CPU is 9\.0 ms/,
  );
});

t.test('answers that say nothing are a breach at once', async (t) => {
  t.equal(breach(vitalFigures({ isConstant: true })), 'It gives the same latent whatever it is asked.');
  t.equal(breach(vitalFigures({ isConstant: false })), null);
  t.match(breach(vitalFigures({ answered: 1, errors: 1, notFinite: 1 }), null), /not finite/);
});

t.test('drift is a breach above its limit, where the predecessor did not move as much', async (t) => {
  const drifted = (now: number, before: number) =>
    judgeProbation(WELL, WELL, LIMITS, false, { windows: 40, now, before })?.breach ?? null;
  t.equal(
    drifted(6.5, 2),
    'The mean of its latents moved by 6.50 standard deviations over 40 windows, that of the model before by 2.00; at most 6 are allowed, or 3 times as much as before.',
  );
  t.equal(drifted(6, 0), null);
  t.equal(drifted(60, 20), null, 'the wearer got up');
});
