#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Exports a trained encoder to ONNX: the reference model, or a checkpoint of your own TCN-VAE.

    export.py --model CHECKPOINT --config CONFIG.yaml --out tcn_encoder.onnx [--parity FILE [--windows FILE]]

CHECKPOINT is a state_dict (alone, or inside the mapping that a training script saved), a TorchScript file, or, with
--allow-pickle, a pickled nn.Module whose classes Python can import. Weight norm is folded; keys outside the prefixes in
the config (decoder, fc_logvar, optimiser) are left out.
"""

import argparse
import hashlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np

from config import load_config
from needs import need
from tcn import count_parameters, create_encoder

torch = need("torch", "python3-torch")

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "ema")
PARTS = {"encoder": "network.", "latent": "fc_mu.", "motifs": "motif_head."}
SHOWN_KEYS = 4


# --- reading checkpoints ----------------------------------------------------------------------------------------------


def read_checkpoint(path, allow_pickle):
    """What the file holds: a mapping with tensors, a ScriptModule, or (if allowed) an nn.Module."""
    if not path.is_file():
        sys.exit(f"No such checkpoint: {path}.")
    scripted = read_torchscript(path)
    if scripted is not None:
        return scripted
    try:
        return torch.load(path, map_location="cpu", weights_only=not allow_pickle)
    except Exception as error:  # pickle, zip and torch errors alike: the file cannot be used
        reason = " ".join(str(error).split())
        if not allow_pickle and ("Unsupported" in reason or "weights_only" in reason.lower()):
            sys.exit(
                f"{path} holds pickled Python objects, not weights alone; loading it can run any code in it. "
                "If you trust where it comes from, add --allow-pickle."
            )
        sys.exit(f"{path} is not a PyTorch checkpoint: {reason[:160] or type(error).__name__}.")


def read_torchscript(path):
    """The ScriptModule in the file, or None if it holds something else."""
    try:
        return torch.jit.load(str(path), map_location="cpu")
    except (RuntimeError, ValueError):
        return None


def find_state(value, path):
    """The flat mapping of names to tensors in a checkpoint, however a training script wrapped it."""
    if isinstance(value, dict):
        for key in WRAPPERS:
            if isinstance(value.get(key), dict):
                return find_state(value[key], path)
        state = {key: tensor for key, tensor in value.items() if isinstance(tensor, torch.Tensor)}
        if state:
            return state
    sys.exit(f"{path} holds no state_dict: no tensors at its top level nor under {', '.join(WRAPPERS)}.")


def fold_weight_norm(state):
    """Replaces the pairs that weight norm keeps (old and new spelling) by the weight they stand for."""
    spellings = (("weight_g", "weight_v"), ("parametrizations.weight.original0", "parametrizations.weight.original1"))
    folded = dict(state)
    for size, direction in spellings:
        for key in [key for key in state if key.endswith("." + size)]:
            stem = key[: -len(size)]
            g, v = folded.pop(key), folded.pop(stem + direction)
            norm = v.flatten(1).norm(dim=1).reshape(-1, *[1] * (v.dim() - 1))
            folded[stem + "weight"] = v * (g / norm)
    return folded


def is_alias(key):
    """True for the second name of a convolution: many TCNs register it as conv1 and again inside a Sequential `net`."""
    parts = key.split(".")
    return len(parts) > 2 and parts[0].isdigit() and parts[1] == "net" and parts[2].isdigit()


def select_parts(state, prefixes):
    """The tensors under the config's prefixes, renamed to the names of TcnEncoder."""
    selected = {}
    for part, ours in PARTS.items():
        theirs = prefixes.get(part, ours)
        for key, tensor in state.items():
            rest = key[len(theirs) :]
            if key.startswith(theirs) and not is_alias(rest):
                selected[ours + rest] = tensor
    return selected


def some(keys):
    """The first few keys of a list, and how many there are beyond."""
    shown = ", ".join(sorted(keys)[:SHOWN_KEYS])
    return shown + (f" and {len(keys) - SHOWN_KEYS} more" if len(keys) > SHOWN_KEYS else "")


def check_fit(path, wanted, given):
    """Ends with one sentence when names or shapes do not fit the architecture in the config."""
    counters = {key for key in wanted if key.endswith("num_batches_tracked")}
    missing, unexpected = wanted.keys() - given.keys() - counters, given.keys() - wanted.keys()
    if missing or unexpected:
        faults = [f"missing {some(missing)}"] if missing else []
        faults += [f"unexpected {some(unexpected)}"] if unexpected else []
        sys.exit(f"The state_dict in {path} does not fit the config: {'; '.join(faults)}.")
    for key in sorted(given):
        if given[key].shape != wanted[key].shape:
            have, want = list(given[key].shape), list(wanted[key].shape)
            sys.exit(f"The state_dict in {path} does not fit the config: {key} is {have}, the architecture wants {want}.")


def restore(path, state, config):
    """A TcnEncoder with the checkpoint's weights."""
    if config["architecture"] is None:
        sys.exit(f"{path} holds weights only: the config must say which architecture they belong to.")
    try:
        model = create_encoder(config)
    except (ValueError, TypeError) as error:
        sys.exit(f"The architecture in the config cannot be built: {error}.")
    given = select_parts(fold_weight_norm(state), config["state_dict"])
    check_fit(path, model.state_dict(), given)
    model.load_state_dict(given, strict=False)
    return model


class Outputs(torch.nn.Module):
    """A foreign module cut down to the outputs that the config names: the first ones of what it returns."""

    def __init__(self, module, method, count):
        super().__init__()
        self.module, self.call, self.count = module, getattr(module, method or "forward"), count

    def forward(self, x):
        result = self.call(x)
        results = result if isinstance(result, (tuple, list)) else (result,)
        return tuple(results[: self.count])


def load_model(path, config, allow_pickle):
    """The module to export, in inference mode."""
    value = read_checkpoint(path, allow_pickle)
    if isinstance(value, torch.nn.Module):
        method = config["method"]
        if method and not hasattr(value, method):
            sys.exit(f"The module in {path} has no method {method}.")
        return Outputs(value.eval(), method, len(config["output_names"])).eval()
    return restore(path, find_state(value, path), config).eval()


# --- writing ----------------------------------------------------------------------------------------------------------


def as_tuple(outputs):
    return tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)


def try_model(model, config):
    """One run on zeros: a model that does not take the configured shape says so here, in one line."""
    try:
        with torch.no_grad():
            outputs = as_tuple(model(torch.zeros(config["input_shape"])))
    except Exception as error:  # whatever a foreign module throws
        reason = " ".join(str(error).split())[:200]
        sys.exit(f"The model does not take an input of shape {config['input_shape']}: {reason}")
    if len(outputs) != len(config["output_names"]):
        sys.exit(f"The model gives {len(outputs)} output(s), output_names has {len(config['output_names'])}.")
    return [list(output.shape) for output in outputs]


def export(model, config, path):
    """Writes the ONNX; batch and length are fixed, as a compiled model's are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (torch.zeros(config["input_shape"]),),
            str(path),
            opset_version=config["opset"],
            input_names=[config["input_name"]],
            output_names=config["output_names"],
        )


def parity_windows(path, shape):
    """z-scored windows [n, steps, channels]: the raw float32 in `path`, else seeded noise of several sizes."""
    if path:
        return np.fromfile(path, dtype="<f4").reshape(-1, *shape[1:])
    rng = np.random.default_rng(1)
    sizes = np.array([0.0, 0.1, 0.5, 1.0, 1.0, 2.0, 4.0, 8.0]).reshape(-1, 1, 1)
    return (sizes * rng.standard_normal((8, *shape[1:]))).astype(np.float32)


def write_parity(model, config, windows, path):
    """The model's outputs for the windows, for parity.mjs: input and outputs as flat float32 lists by name."""
    cases = []
    for window in windows:
        with torch.no_grad():
            outputs = as_tuple(model(torch.from_numpy(window[None].copy())))
        flat = {name: output.flatten().tolist() for name, output in zip(config["output_names"], outputs)}
        cases.append({"input": window.flatten().tolist(), "outputs": flat})
    facts = {"input_name": config["input_name"], "input_shape": config["input_shape"], "cases": cases}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts))


def main():
    parser = argparse.ArgumentParser(description="Export a trained TCN encoder to ONNX.")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint: state_dict, TorchScript or pickled module")
    parser.add_argument("--config", type=Path, required=True, help="YAML or JSON, see reference.yaml")
    parser.add_argument("--out", type=Path, required=True, help="the ONNX file to write")
    parser.add_argument("--parity", type=Path, help="also write PyTorch's outputs here, for parity.mjs")
    parser.add_argument("--windows", type=Path, help="z-scored float32 windows for --parity (default: seeded noise)")
    parser.add_argument("--allow-pickle", action="store_true", help="load pickled objects: this runs code from the file")
    options = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(1)
    config = load_config(options.config)
    if options.allow_pickle:
        print(f"warning: --allow-pickle runs whatever code {options.model} contains", file=sys.stderr)
    model = load_model(options.model, config, options.allow_pickle)
    shapes = try_model(model, config)
    export(model, config, options.out)
    if options.parity:
        write_parity(model, config, parity_windows(options.windows, config["input_shape"]), options.parity)
    blob = options.out.read_bytes()
    print(f"wrote   {options.out}")
    print(f"sha256  {hashlib.sha256(blob).hexdigest()}")
    print(f"size    {len(blob)} bytes, {count_parameters(model)} parameters, opset {config['opset']}")
    for name, shape in zip(config["output_names"], shapes):
        print(f"output  {name} {shape}")


if __name__ == "__main__":
    main()
