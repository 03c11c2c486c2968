import t from 'tap';
import { type Compared, compareVersions } from '../../../src/models/rollout/compare.ts';
import { createPairs, type PairFigures } from '../../../src/models/rollout/pairs.ts';
import { LIMITS, vitalFigures } from './vital-figures.ts';

const latency = (median: number) => ({ windows: 500, median, p99: 2 * median });
const cosine = { count: 500, mean: 0.97, min: 0.5, p5: 0.9, median: 0.98, histogram: [] };
const PAIRS: PairFigures = {
  ...createPairs().figures(),
  pairs: 500,
  cosine,
  motifAgreement: 0.93,
  scoreDifference: 0.02,
  latencyMs: { active: latency(1), candidate: latency(1.5) },
};

function compare(change: Partial<Compared> = {}) {
  const compared = {
    pairs: PAIRS,
    active: vitalFigures(),
    candidate: vitalFigures(),
    sameBackend: true,
    limits: LIMITS,
  };
  const { gates, ...rest } = compareVersions({ ...compared, ...change });
  const ok = Object.fromEntries(gates.map((gate) => [gate.name, gate.ok]));
  const text = Object.fromEntries(gates.map((gate) => [gate.name, gate.text]));
  return { ...rest, ok, text };
}

t.test('a candidate that does as the active one passes what was asked for; the rest is told, not judged', async (t) => {
  const { enough, missing, ok, text } = compare();
  t.same([enough, missing], [true, null]);
  t.same(ok, { samples: true, errors: true, latency: true, cosine: null, 'motif agreement': null, outputs: true });
  t.same(text, {
    samples: '500 pairs, at least 200 asked for',
    errors: '0 of 1000 windows failed: 0.00 %, the active one 0.00 %; at most 1.00 % more',
    latency: 'median 1.5 ms, the active one 1.0 ms; at most 2 times, or 1 ms more',
    cosine: 'mean 0.97000; not asked for',
    'motif agreement': '93.00 % of the pairs; not asked for',
    outputs: 'finite, and not constant',
  });
});

t.test('too few pairs are not enough, and judge nothing', async (t) => {
  const limits = { ...LIMITS, minCosine: 0.99, minMotifAgreement: 0.99 };
  const { enough, missing, ok, text } = compare({ pairs: { ...PAIRS, pairs: 37 }, limits });
  t.same([enough, missing], [false, 'not enough yet: 37 of 200 pairs']);
  t.match(ok, { samples: null, cosine: null, 'motif agreement': null });
  t.equal(text.cosine, 'not enough yet: 37 of 200 pairs');
});

t.test('errors may exceed those of the active one by the limit, not by more', async (t) => {
  const candidate = (errors: number) =>
    compare({ candidate: vitalFigures({ answered: 1000 - errors, errors }) }).ok.errors;
  t.same([candidate(10), candidate(11)], [true, false]);
  const active = vitalFigures({ answered: 990, errors: 10 });
  t.equal(compare({ active, candidate: vitalFigures({ answered: 980, errors: 20 }) }).ok.errors, true);
  t.equal(
    compare({ candidate: vitalFigures({ answered: 0, errors: 19 }) }).text.errors,
    'not enough yet: 19 of 20 windows',
  );
});

t.test('latency is that of the same windows, beyond the factor and a millisecond', async (t) => {
  const ok = (active: number, candidate: number) =>
    compare({ pairs: { ...PAIRS, latencyMs: { active: latency(active), candidate: latency(candidate) } } }).ok.latency;
  t.same([ok(1, 2), ok(1, 2.1), ok(0.1, 1.1)], [true, false, true]);
});

t.test('latencies of two backends are not compared', async (t) => {
  const { ok, text } = compare({ candidate: vitalFigures({ backend: 'cpu' }), sameBackend: false });
  t.equal(ok.latency, null);
  t.equal(text.latency, 'not comparable: the candidate runs on the CPU, the active one on hailo');
  const idle = compare({ candidate: vitalFigures({ answered: 0 }), sameBackend: false }).text.latency;
  t.equal(idle, 'not comparable: one of both has not answered anything yet');
});

t.test('cosine and motif agreement are gates when they are asked for', async (t) => {
  const gates = (minCosine: number, minMotifAgreement: number) =>
    compare({ limits: { ...LIMITS, minCosine, minMotifAgreement } });
  t.match(gates(0.97, 0.93).ok, { cosine: true, 'motif agreement': true });
  const { ok, text } = gates(0.98, 0.94);
  t.match(ok, { cosine: false, 'motif agreement': false });
  t.equal(text.cosine, 'mean 0.97000, 95 of 100 pairs reach 0.9, least 0.50000; at least 0.98 in the mean');
  t.equal(text['motif agreement'], 'the same top motif in 93.00 % of the pairs; at least 94.00 %');
});

t.test('a gate that is asked for and cannot be judged lets nobody through', async (t) => {
  const limits = { ...LIMITS, minCosine: 0.9, minMotifAgreement: 0.9 };
  const { ok } = compare({ pairs: { ...PAIRS, cosine: null, motifAgreement: null }, limits });
  t.match(ok, { cosine: false, 'motif agreement': false });
});

t.test('latency waits for 50 pairs', async (t) => {
  const few = { ...latency(1), windows: 49 };
  const early = compare({ pairs: { ...PAIRS, latencyMs: { active: few, candidate: few } } });
  t.match([early.ok.latency, early.text.latency], [null, 'not enough yet: 49 of 50 pairs']);
  t.equal(compare({ pairs: { ...PAIRS, latencyMs: { active: null, candidate: null } } }).ok.latency, null);
});

t.test('the windows that a candidate answers alone are no pairs', async (t) => {
  const { enough, missing } = compare({ pairs: createPairs().figures(), candidate: vitalFigures({ answered: 5000 }) });
  t.same([enough, missing], [false, 'not enough yet: 0 of 200 pairs']);
});

t.test('outputs that say nothing fail, whatever else is well', async (t) => {
  const outputs = (isConstant: boolean | null, notFinite = 0) =>
    compare({ candidate: { ...vitalFigures({ notFinite }), isConstant } }).ok.outputs;
  t.same([outputs(false), outputs(true), outputs(false, 1), outputs(null)], [true, false, false, null]);
});
