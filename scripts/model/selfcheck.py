#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the simulator's physics: what must hold of any body's motion, whatever the motif. Exit status 1 when it does not."""

import sys

import numpy as np

import simulate

COUNT = 50
T = np.tile(np.arange(simulate.SAMPLES) / simulate.RATE_HZ, (COUNT, 1))


def draw(seed):
    return simulate.Draw(np.random.default_rng(seed), COUNT, simulate.TRAIN.bands)


def ideal(motif, lever=np.zeros((COUNT, 1, 3))):
    """Orientation, rates and force of a motif without a sensor."""
    return simulate.kinematics(simulate.MOTIFS[motif](draw(1)), T, lever)


def gyro_integrates(motif):
    """The body rates, integrated over the window, turn the first orientation into the last; worst angle in rad."""
    step = 1e-3
    fine = np.arange(0, 1, step) + step / 2
    motion = simulate.MOTIFS[motif](draw(1))
    start = simulate.rotation(motion.angles(np.zeros((COUNT, 1))))[:, 0]
    end = simulate.rotation(motion.angles(np.ones((COUNT, 1))))[:, 0]
    _, rates, _ = simulate.kinematics(motion, np.tile(fine, (COUNT, 1)), np.zeros((COUNT, 1, 3)))
    turned = start
    for i in range(len(fine)):
        turned = turned @ exponential(rates[:, i] * step)
    return np.abs(simulate.rotation_vector(np.swapaxes(turned, -1, -2) @ end)).max()


def exponential(vectors):
    """Rotation matrices of rotation vectors [n, 3] (Rodrigues)."""
    angle = np.linalg.norm(vectors, axis=-1)[:, None, None]
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    skew = np.stack([np.stack(row, -1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))], -2)
    safe = np.maximum(angle, 1e-12)
    return np.eye(3) + np.sin(angle) / safe * skew + (1 - np.cos(angle)) / safe**2 * skew @ skew


def gravity_at_rest():
    """|specific force| of a body at rest, worst difference from gravity in m/s²."""
    _, _, force = ideal("rest")
    return np.abs(np.linalg.norm(force, axis=-1) - simulate.GRAVITY).max()


def field_keeps_its_norm(motif):
    """The earth's field seen from a turning body keeps its strength; worst relative difference."""
    orientation, _, _ = ideal(motif)
    field = simulate.rotate_back(orientation, simulate.earth_field(np.full((COUNT, 1), 50.0), np.full((COUNT, 1), 60.0)))
    return np.abs(np.linalg.norm(field, axis=-1) / 50 - 1).max()


def is_seeded():
    first, second = (simulate.windows(simulate.TRAIN, 3, 5)[0] for _ in range(2))
    return 0.0 if np.array_equal(first, second) else 1.0


def domains_share():
    """How many sensors, rates, mountings, fields and bands training and held-out have in common."""
    shared = 0
    for part in ("sensors", "rate_errors", "mountings", "fields"):
        shared += len(set(getattr(simulate.TRAIN, part)) & set(getattr(simulate.HELD_OUT, part)))
    for low, high in simulate.HELD_OUT.bands:
        shared += sum(low < b and a < high for a, b in simulate.TRAIN.bands)
    return float(shared)


def out_of_range():
    """Values beyond what the daemon accepts: |acc| 500, |gyro| 35, |mag| 2000."""
    limits = np.repeat([500.0, 35.0, 2000.0], 3)
    return float(sum((np.abs(simulate.windows(d, 100, 9)[0]) > limits).sum() for d in (simulate.TRAIN, simulate.HELD_OUT)))


def main():
    checks = [("gravity at rest", gravity_at_rest(), 0.5)]
    checks += [(f"gyro integrates to the turn: {m}", gyro_integrates(m), 2e-3) for m in simulate.MOTIFS]
    checks += [(f"field keeps its strength: {m}", field_keeps_its_norm(m), 1e-9) for m in simulate.MOTIFS]
    checks += [
        ("same seed, same windows", is_seeded(), 0.0),
        ("training and held-out share nothing", domains_share(), 0.0),
        ("values beyond the accepted range", out_of_range(), 0.0),
    ]
    failed = [(name, found, most) for name, found, most in checks if not found <= most]
    for name, found, most in failed:
        print(f"selfcheck failed: {name}: {found:.3g}, at most {most:.3g}", file=sys.stderr)
    print(f"simulator: {len(checks) - len(failed)} of {len(checks)} checks hold")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
