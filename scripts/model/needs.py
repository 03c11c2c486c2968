# SPDX-License-Identifier: Apache-2.0
"""Debian modules that the scripts need, asked for with one sentence where they are missing."""

import importlib
import sys


def need(module, package):
    """Imports `module`, or ends the program with the name of the Debian package that brings it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        sys.exit(f"The Python module {module} is missing: install Debian's {package} (apt install {package}).")
