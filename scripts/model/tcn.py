# SPDX-License-Identifier: Apache-2.0
"""A causal dilated TCN encoder: window [n, 100, 9], z-scored, to a latent [n, L] and, if it has a head, motif scores [n, M].

Layout (names are those of the state_dict):

    network.<i>.conv1, conv2   dilated Conv1d, padded on the left only, so that no step sees a later one
    network.<i>.bn1, bn2       optional batch norm; the exporter folds it into the convolution
    network.<i>.downsample     1×1 Conv1d on the shortcut where the channel count changes
    fc_mu                      mean over time → Linear → latent
    motif_head                 Linear → softmax → scores

Exported, that is Transpose, Conv, Pad, Relu, Add, GlobalAveragePool, Squeeze, Gemm and Softmax: nothing that an
accelerator's compiler would have to be talked into.

The scores are a softmax, not sigmoids: a window of training data has exactly one motif, so the scores are shares of one
belief and sum to 1. The highest names the motif; its size says how sure the model is, but only for motion like the
motion it was trained on.
"""

from needs import need

torch = need("torch", "python3-torch")
nn = torch.nn


class TemporalBlock(nn.Module):
    """Two causal dilated convolutions with a shortcut: [n, c_in, T] → [n, c_out, T]."""

    def __init__(self, c_in, c_out, kernel, dilation, batch_norm):
        super().__init__()
        self.reach = (kernel - 1) * dilation
        self.conv1 = nn.Conv1d(c_in, c_out, kernel, dilation=dilation)
        self.conv2 = nn.Conv1d(c_out, c_out, kernel, dilation=dilation)
        self.bn1 = nn.BatchNorm1d(c_out) if batch_norm else nn.Identity()
        self.bn2 = nn.BatchNorm1d(c_out) if batch_norm else nn.Identity()
        self.downsample = nn.Conv1d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def causal(self, conv, x):
        return conv(nn.functional.pad(x, (self.reach, 0)))

    def forward(self, x):
        y = torch.relu(self.bn1(self.causal(self.conv1, x)))
        y = torch.relu(self.bn2(self.causal(self.conv2, y)))
        return torch.relu(y + self.downsample(x))


class TcnEncoder(nn.Module):
    """forward(x [n, T, C]) → (latent [n, L], scores [n, M]), or the latent alone when `motifs` is 0."""

    def __init__(self, inputs, channels, kernel, dilations, latent_dim, motifs=0, batch_norm=False):
        super().__init__()
        if len(channels) != len(dilations):
            raise ValueError(f"{len(channels)} channels but {len(dilations)} dilations: one of each per block")
        widths = [inputs, *channels]
        blocks = [
            TemporalBlock(widths[i], widths[i + 1], kernel, dilation, batch_norm) for i, dilation in enumerate(dilations)
        ]
        self.network = nn.Sequential(*blocks)
        self.fc_mu = nn.Linear(widths[-1], latent_dim)
        self.motif_head = nn.Linear(latent_dim, motifs) if motifs else None

    def latent(self, x):
        steps = self.network(x.transpose(1, 2))
        return self.fc_mu(nn.functional.adaptive_avg_pool1d(steps, 1).squeeze(2))

    def forward(self, x):
        latent = self.latent(x)
        if self.motif_head is None:
            return latent
        return latent, torch.softmax(self.motif_head(latent), dim=1)


def create_encoder(config):
    """The encoder that an export config describes (see reference.yaml)."""
    return TcnEncoder(inputs=config["input_shape"][2], **config["architecture"])


def count_parameters(model):
    return sum(p.numel() for p in model.parameters())
