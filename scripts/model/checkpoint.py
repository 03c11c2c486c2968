# SPDX-License-Identifier: Apache-2.0
"""Reads a user's trained model: a checkpoint of weights, TorchScript, or (only when allowed) a pickled module."""

import sys
from pathlib import Path

from needs import need
from tcn import create_encoder

torch = need("torch", "python3-torch")

WRAPPERS = ("state_dict", "model_state_dict", "model")
PARTS = {"encoder": "network.", "latent": "fc_mu.", "motifs": "motif_head."}
SHOWN = 4


def load_model(path, config, allow_pickle):
    """The model in `path` in eval mode, as the config describes it; ends the program with one sentence otherwise."""
    if not Path(path).is_file():
        sys.exit(f"There is no file {path}: name the checkpoint with --model.")
    module = load_script(path)
    if module is None:
        loaded = load_weights(path, allow_pickle)
        module = loaded if isinstance(loaded, torch.nn.Module) else build(path, loaded, config)
    elif config["method"]:
        sys.exit(f"The config's method does not apply to TorchScript: {path} runs as it is.")
    return module.eval()


def load_script(path):
    """A TorchScript module, or None when the file is none."""
    try:
        return torch.jit.load(str(path), map_location="cpu")
    except RuntimeError:
        return None


def load_weights(path, allow_pickle):
    """What torch.save wrote. Without --allow-pickle only weights: a pickle runs whatever code its author put in."""
    try:
        return torch.load(path, map_location="cpu", weights_only=not allow_pickle)
    except Exception as error:  # torch raises its own, pickle's and zip's errors alike
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = "" if allow_pickle else " If it is a whole pickled module that you trust, add --allow-pickle."
        sys.exit(f"{path} is not a checkpoint of weights that torch can read ({reason[:120]}).{hint}")


def build(path, loaded, config):
    """The encoder of config's architecture with the checkpoint's weights."""
    if config["architecture"] is None:
        sys.exit(f"{path} holds weights only: the config needs an architecture (see tcn-vae.example.yaml).")
    model = create_encoder(config)
    state = rename(unwrap(path, loaded), config["state_dict"])
    require_fit(path, model.state_dict(), state)
    model.load_state_dict(state)
    return model


def unwrap(path, loaded):
    """The state_dict, also from within what training scripts save around it."""
    for key in WRAPPERS:
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if isinstance(loaded, dict) and loaded and all(torch.is_tensor(value) for value in loaded.values()):
        return loaded
    sys.exit(f"{path} holds no state_dict, neither by itself nor under {', '.join(WRAPPERS)}.")


def rename(state, prefixes):
    """Keys under the config's prefixes as tcn.py names them; keys of other parts (a decoder, say) are left out."""
    renamed = {}
    for part, ours in PARTS.items():
        theirs = prefixes.get(part, ours)
        renamed.update({ours + key[len(theirs) :]: value for key, value in state.items() if key.startswith(theirs)})
    return fold_weight_norm(renamed)


def fold_weight_norm(state):
    """weight_norm keeps a direction and a length per output channel; the exported convolution needs their product."""
    folded = {key: value for key, value in state.items() if not key.endswith(("weight_g", "weight_v"))}
    for key, direction in state.items():
        if key.endswith("weight_v"):
            length = state[key[: -len("weight_v")] + "weight_g"]
            norm = direction.flatten(1).norm(dim=1).view(-1, *[1] * (direction.dim() - 1))
            folded[key[: -len("_v")]] = length * direction / norm
    return folded


def require_fit(path, wanted, found):
    """Ends the program with the first keys that are missing, superfluous or of another shape."""
    missing = sorted(wanted.keys() - found.keys())
    superfluous = sorted(found.keys() - wanted.keys())
    other = [
        f"{key} is {list(found[key].shape)}, not {list(wanted[key].shape)}"
        for key in sorted(wanted.keys() & found.keys())
        if found[key].shape != wanted[key].shape
    ]
    problems = [
        f"{what}: {', '.join(keys[:SHOWN])}{' …' if len(keys) > SHOWN else ''}"
        for what, keys in (("missing", missing), ("not in the architecture", superfluous), ("of another shape", other))
        if keys
    ]
    if problems:
        sys.exit(f"{path} does not fit the config's architecture and state_dict prefixes. {'; '.join(problems)}.")
