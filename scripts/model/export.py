#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Exports a trained encoder to ONNX, for the daemon and for Hailo's compiler.

    scripts/model/export.py --model best.pth --config scripts/model/tcn-vae.example.yaml --out tcn_encoder.onnx

The graph has a fixed batch of 1 and the names of the config. With --parity FILE the model's own answers to a few
windows are written beside it; parity.mjs then asks onnxruntime for the same ones.
"""

import argparse
import hashlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np

from checkpoint import load_model
from config import load_config
from needs import need
from tcn import count_parameters

torch = need("torch", "python3-torch")

PARITY_SEED = 3
PARITY_WINDOWS = 64


def select_method(model, name):
    """The module itself, or one that runs another method of it (a VAE's `encode`, say)."""
    if not name:
        return model
    if not callable(getattr(model, name, None)):
        sys.exit(f"The model has no method {name}; leave `method` out of the config, or name one that it has.")
    model.forward = getattr(model, name)
    return model


def export(model, config, out):
    """Writes the graph; every output must be a tensor."""
    window = torch.zeros(*config["input_shape"])
    outputs = as_tuple(model(window))
    if len(outputs) != len(config["output_names"]):
        sys.exit(f"The model gives {len(outputs)} outputs, but the config names {len(config['output_names'])}.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's remarks on constants; parity decides whether they matter
        torch.onnx.export(
            model,
            window,
            str(out),
            opset_version=config["opset"],
            input_names=[config["input_name"]],
            output_names=config["output_names"],
            do_constant_folding=True,
        )


def as_tuple(outputs):
    return outputs if isinstance(outputs, tuple) else (outputs,)


def write_parity(model, config, path):
    """PyTorch's answers to seeded z-scored windows: noise, noise around a level, and zeros."""
    generator = np.random.default_rng(PARITY_SEED)
    size = int(np.prod(config["input_shape"]))
    windows = generator.standard_normal((PARITY_WINDOWS, size)) * generator.uniform(0, 3, (PARITY_WINDOWS, 1))
    windows = windows.astype(np.float32)
    windows[0] = 0
    cases = []
    with torch.no_grad():
        for window in windows:
            outputs = as_tuple(model(torch.from_numpy(window).reshape(config["input_shape"])))
            answers = {name: value.flatten().tolist() for name, value in zip(config["output_names"], outputs)}
            cases.append({"input": window.tolist(), "outputs": answers})
    facts = {"input_name": config["input_name"], "input_shape": config["input_shape"], "cases": cases}
    path.write_text(json.dumps(facts))


def main():
    parser = argparse.ArgumentParser(description="Export a trained encoder to ONNX.")
    parser.add_argument("--model", required=True, help="checkpoint (state_dict), TorchScript, or with --allow-pickle a module")
    parser.add_argument("--config", required=True, help="input shape, opset, names and architecture, see *.yaml here")
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--parity", type=Path, help="also write the model's answers to seeded windows, for parity.mjs")
    parser.add_argument("--allow-pickle", action="store_true", help="load a pickled module: runs code from the file")
    options = parser.parse_args()

    torch.set_num_threads(1)
    config = load_config(options.config)
    model = select_method(load_model(options.model, config, options.allow_pickle), config["method"])
    export(model, config, options.out)
    data = options.out.read_bytes()
    print(f"{options.out}: {len(data)} bytes, {count_parameters(model)} parameters, opset {config['opset']}")
    print(f"sha256 {hashlib.sha256(data).hexdigest()}")
    if options.parity:
        write_parity(model, config, options.parity)


if __name__ == "__main__":
    main()
