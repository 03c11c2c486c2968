// SPDX-License-Identifier: Apache-2.0
// MODEL_CARD.md from the figures of one run.

const percent = (share) => `${(share * 100).toFixed(1)} %`;

export function modelCard({ name, version, motifs, evaluation, training, samples }, bytes) {
  return `# ${name} ${version}

A causal dilated TCN: window [1,100,9] (100 Hz; m/s², rad/s, µT; z-scored) → \`latent_embeddings\` [1,64] and
\`motif_scores\` [1,12] (softmax: shares of one belief, they sum to 1). ${training.parameters} parameters, ${bytes} bytes of ONNX.

**It was trained on simulated motion only.** No animal, no person and no real sensor was involved, and how well it does
on real ones is not shown. It is shipped so that a newcomer sees true inference, and motifs that move when the motion
changes; serve a model trained on your own data for anything that matters.

Trained on ${training.windows} simulated windows (seed ${training.seed}, ${training.seconds} s on ${training.threads} threads). Made by \`scripts/model/build\`;
the simulator and its domains are described in \`scripts/model/README.md\`. Licence: Apache-2.0.

## Accuracy

${percent(evaluation.accuracy)} of ${evaluation.windows} held-out windows: simulated too, but with sensors, sampling rates, mountings, fields, gaits and motion
parameters that training never saw. Rows: what it was. Columns: what was said, numbered as the rows.

| # | motif | recall | ${motifs.map((_, i) => i + 1).join(' | ')} |
|--:|---|--:|${motifs.map(() => '--:').join('|')}|
${evaluation.confusion.map((row, i) => `| ${i + 1} | ${motifs[i]} | ${percent(evaluation.recall[i])} | ${row.map((n) => n || '').join(' | ')} |`).join('\n')}

Latent on those windows: standard deviation per dimension ${evaluation.latent.smallest_std.toFixed(2)} to ${evaluation.latent.largest_std.toFixed(2)} (all 64 vary), largest value ${evaluation.latent.largest_abs.toFixed(1)}.
${samples === null ? '' : sampleSection(motifs, samples)}`;
}

function sampleSection(motifs, samples) {
  const names = Object.keys(samples);
  const rows = motifs.map(
    (motif) => `| ${motif} | ${names.map((name) => samples[name][motif].toFixed(3)).join(' | ')} |`,
  );
  return `
## The three windows published with EdgeInfer

They are nothing like what it was trained on: in each the values jump from row to row as no body moves, the
gyroscope of "static" and "realistic" reads like deg/s, and "random" has no gravity. The scores it gives all the same:

| motif | ${names.join(' | ')} |
|---|${names.map(() => '--:').join('|')}|
${rows.join('\n')}
`;
}
