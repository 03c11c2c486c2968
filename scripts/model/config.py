# SPDX-License-Identifier: Apache-2.0
"""Export configs: YAML or JSON, checked before anything expensive happens."""

import json
import sys
from pathlib import Path

from needs import need

REQUIRED = {"input_shape": list, "output_names": list}
DEFAULTS = {"opset": 11, "input_name": "imu_window", "architecture": None, "state_dict": {}, "method": None}
ARCHITECTURE = {"channels", "kernel", "dilations", "latent_dim", "motifs", "batch_norm"}
PARTS = {"encoder", "latent", "motifs"}


def read_mapping(path):
    """The mapping in a YAML or JSON file, or one sentence about why there is none."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f"Cannot read the config {path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}.")
    try:
        value = json.loads(text) if Path(path).suffix == ".json" else need("yaml", "python3-yaml").safe_load(text)
    except Exception as error:  # each parser has its own class; all of them mean a broken file
        sys.exit(f"The config {path} does not parse: {' '.join(str(error).split())}.")
    if not isinstance(value, dict):
        sys.exit(f"The config {path} is no mapping of keys to values.")
    return value


def refuse_unknown(path, where, keys, known):
    for key in keys:
        if key not in known:
            sys.exit(f"The config {path} has an unknown key {where}{key}; known are {', '.join(sorted(known))}.")


def check_sizes(path, config):
    """Positive integers wherever sizes are expected, and two outputs only where there is a motif head."""
    shape = config["input_shape"]
    if len(shape) != 3 or any(type(size) is not int or size < 1 for size in shape):
        sys.exit(f"The config {path}: input_shape must be [batch, steps, channels], not {shape}.")
    architecture = config["architecture"]
    if architecture is None:
        return
    refuse_unknown(path, "architecture.", architecture, ARCHITECTURE)
    for key in sorted(ARCHITECTURE - {"motifs", "batch_norm"} - architecture.keys()):
        sys.exit(f"The config {path} lacks architecture.{key}.")
    outputs = 2 if architecture.get("motifs") else 1
    if len(config["output_names"]) != outputs:
        sys.exit(f"The config {path}: this architecture has {outputs} output(s), output_names has {len(config['output_names'])}.")


def load_config(path):
    """The checked config with its defaults filled in."""
    given = read_mapping(path)
    refuse_unknown(path, "", given, REQUIRED.keys() | DEFAULTS.keys())
    for key, kind in REQUIRED.items():
        if not isinstance(given.get(key), kind):
            sys.exit(f"The config {path} needs {key}, a {kind.__name__}.")
    config = {**DEFAULTS, **given}
    refuse_unknown(path, "state_dict.", config["state_dict"], PARTS)
    check_sizes(path, config)
    return config
