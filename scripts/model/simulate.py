#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Simulated 9-axis IMU windows of twelve motion motifs.

A window is 100 samples at a nominal 100 Hz of ax ay az (m/s², specific force: +9.81 on the up axis at rest),
gx gy gz (rad/s, body rates) and mx my mz (µT). A motif is a motion of a collar: orientation and linear acceleration as
functions of time. Everything measured follows from it:

    gyro = log(R(t-h)ᵀ R(t+h)) / 2h,   accelerometer = Rᵀ(a + g),   magnetometer = Rᵀ m + hard iron,

then mounting, lever arm, scale error, bias, noise, quantisation and saturation of the sensor at hand.

World frame: x magnetic north, y west, z up. Body frame: x forward, y left, z up. Angles are roll, pitch, yaw about
x, y, z (R = Rz Ry Rx); positive pitch is nose down.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Tuple

import numpy as np

SAMPLES = 100
RATE_HZ = 100.0
GRAVITY = 9.81
HALF_STEP_S = 5e-4
DEGREE = np.pi / 180


# --- domains: what training sees and what it never sees ---------------------------------------------------------------


@dataclass(frozen=True)
class Sensor:
    """One make of IMU. Noise is rms per sample, bias and hard iron are the largest per axis, scale error is relative."""

    name: str
    acc_noise: float  # m/s²
    acc_bias: float
    acc_lsb: float
    acc_range: float
    gyro_noise: float  # rad/s
    gyro_bias: float
    gyro_lsb: float
    mag_noise: float  # µT
    hard_iron: float
    mag_lsb: float
    scale_error: float
    jitter_s: float  # rms of the sampling instants


@dataclass(frozen=True)
class Domain:
    """The population that windows are drawn from.

    rate_errors: relative error of the true sampling rate.
    mountings: (roll, pitch, yaw) of the sensor in the body frame, degrees; mounting_play: how far each may be off.
    bands: parts of a motion parameter's range that occur, as fractions of the range (0 = low end, 1 = high end).
    fields: (strength in µT, inclination in degrees) of the earth's field.
    """

    name: str
    sensors: Tuple[Sensor, ...]
    rate_errors: Tuple[float, ...]
    mountings: Tuple[Tuple[float, float, float], ...]
    mounting_play: float
    bands: Tuple[Tuple[float, float], ...]
    fields: Tuple[Tuple[float, float], ...]


TRAIN = Domain(
    name="train",
    sensors=(
        Sensor("a", 0.010, 0.10, 0.00120, 78.4, 0.0010, 0.010, 0.00027, 0.20, 4.0, 0.15, 0.005, 0.00005),
        Sensor("b", 0.025, 0.20, 0.00240, 156.9, 0.0025, 0.030, 0.00106, 0.40, 8.0, 0.15, 0.010, 0.00010),
        Sensor("c", 0.050, 0.30, 0.00480, 156.9, 0.0050, 0.050, 0.00106, 0.60, 12.0, 0.30, 0.020, 0.00020),
        Sensor("d", 0.080, 0.40, 0.01915, 156.9, 0.0080, 0.080, 0.00107, 0.90, 15.0, 0.60, 0.030, 0.00030),
        Sensor("e", 0.150, 0.25, 0.03830, 313.8, 0.0150, 0.040, 0.00213, 1.20, 10.0, 0.30, 0.020, 0.00050),
    ),
    rate_errors=(-0.02, -0.01, 0.0, 0.01, 0.02),
    # A collar slips round the neck: every 45° of roll, and every 90° for a sensor that looks backwards.
    mountings=tuple((roll, 0.0, 0.0) for roll in range(0, 360, 45))
    + tuple((roll, 0.0, 180.0) for roll in range(0, 360, 90))
    + ((0.0, 20.0, 0.0), (0.0, -20.0, 0.0), (0.0, 0.0, 20.0), (0.0, 0.0, -20.0)),
    mounting_play=8.0,
    bands=((0.00, 0.20), (0.30, 0.50), (0.60, 0.80), (0.90, 1.00)),
    fields=((26.0, -12.0), (31.0, 25.0), (42.0, 52.0), (48.0, 64.0), (54.0, 72.0), (58.0, -66.0), (60.0, 78.0)),
)

HELD_OUT = Domain(
    name="held-out",
    sensors=(
        Sensor("f", 0.018, 0.15, 0.00600, 78.4, 0.0018, 0.020, 0.00053, 0.30, 6.0, 0.10, 0.0075, 0.00015),
        Sensor("g", 0.100, 0.35, 0.00958, 156.9, 0.0100, 0.065, 0.00120, 0.75, 18.0, 0.45, 0.0250, 0.00040),
        Sensor("h", 0.200, 0.50, 0.07660, 156.9, 0.0200, 0.100, 0.00426, 1.50, 14.0, 0.80, 0.0400, 0.00080),
    ),
    rate_errors=(-0.03, -0.015, 0.005, 0.015, 0.03),
    mountings=((22.5, 0.0, 0.0), (67.5, 0.0, 0.0), (157.5, 0.0, 0.0), (247.5, 0.0, 0.0), (337.5, 0.0, 0.0))
    + ((45.0, 0.0, 180.0), (225.0, 0.0, 180.0), (22.5, 20.0, 0.0), (337.5, -20.0, 20.0)),
    mounting_play=4.0,
    # The gaps between the training bands, and a tenth of the range beyond either end.
    bands=((-0.10, 0.00), (0.20, 0.30), (0.50, 0.60), (0.80, 0.90), (1.00, 1.10)),
    fields=((28.0, 8.0), (36.0, -38.0), (45.0, 58.0), (51.0, 68.0), (64.0, -73.0)),
)

DOMAINS = {domain.name: domain for domain in (TRAIN, HELD_OUT)}


class Draw:
    """Seeded draws for `count` windows at once; every result has shape [count, 1], so that it broadcasts over time."""

    def __init__(self, rng: np.random.Generator, count: int, bands):
        self.rng = rng
        self.shape = (count, 1)
        self.bands = np.asarray(bands)

    def between(self, low, high):
        """A motion parameter (gait frequency, amplitude, duration …) from the domain's bands of [low, high]."""
        widths = self.bands[:, 1] - self.bands[:, 0]
        band = self.rng.choice(len(widths), size=self.shape, p=widths / widths.sum())
        unit = self.bands[band, 0] + widths[band] * self.rng.random(self.shape)
        return low + (high - low) * unit

    def uniform(self, low, high):
        """A nuisance (heading, posture, place in the window) that has no domain."""
        return self.rng.uniform(low, high, self.shape)

    def phase(self):
        return self.uniform(0, 2 * np.pi)

    def sign(self):
        return self.rng.choice((-1.0, 1.0), size=self.shape)


# --- motions ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Motion:
    """angles(t): roll, pitch, yaw in rad; push(t): forward, left, up acceleration in m/s² in the heading frame.

    Both take times [n, T] in s and return [n, T, 3]. Motions add.
    """

    angles: Callable[[np.ndarray], np.ndarray]
    push: Callable[[np.ndarray], np.ndarray]

    def __add__(self, other: "Motion") -> "Motion":
        return Motion(
            lambda t: self.angles(t) + other.angles(t),
            lambda t: self.push(t) + other.push(t),
        )


def axes(x, y, z):
    """Three [n, T] or [n, 1] signals as one [n, T, 3]."""
    return np.stack(np.broadcast_arrays(x, y, z), axis=-1)


def still(t):
    """No contribution: [n, T, 3] of zeros."""
    return np.zeros(t.shape + (3,))


def wave(t, hz, phase, second=0.0, third=0.0):
    """A sine of frequency `hz` with its next two harmonics at relative amplitudes `second` and `third`."""
    angle = 2 * np.pi * hz * t + phase
    return np.sin(angle) + second * np.sin(2 * angle + 0.7) + third * np.sin(3 * angle + 1.9)


def minimum_jerk(t, start, duration):
    """Position of a smooth step from 0 to 1 that begins at `start` and takes `duration`."""
    u = np.clip((t - start) / duration, 0, 1)
    return u**3 * (10 - 15 * u + 6 * u**2)


def minimum_jerk_acceleration(t, start, duration):
    """Second derivative of `minimum_jerk`, 1/s²."""
    u = np.clip((t - start) / duration, 0, 1)
    return (60 * u - 180 * u**2 + 120 * u**3) / duration**2


def half_sine(t, start, duration):
    """One positive half wave of height 1, zero elsewhere."""
    u = (t - start) / duration
    return np.where((u > 0) & (u < 1), np.sin(np.pi * u), 0.0)


def posture(draw, pitch_deg, roll_deg, sway_deg=1.5):
    """A random heading, a posture within ± the given angles, and a slow sway about it."""
    heading = draw.uniform(0, 2 * np.pi)
    pitch = draw.uniform(-pitch_deg, pitch_deg) * DEGREE
    roll = draw.uniform(-roll_deg, roll_deg) * DEGREE
    sway = draw.uniform(0, sway_deg) * DEGREE
    hz, first, second = draw.uniform(0.3, 1.0), draw.phase(), draw.phase()
    return Motion(
        lambda t: axes(roll + sway * wave(t, hz, first), pitch + sway * wave(t, hz, second), heading),
        still,
    )


def drift(draw, most):
    """A slow change of heading, up to ± `most` rad/s: nobody walks a ruled line."""
    rate = draw.uniform(-most, most)
    return Motion(lambda t: axes(0.0, 0.0, rate * t), still)


def gait(draw, hz, heave, surge, nod_deg, bank_deg, bounce=(0.1, 0.4)):
    """Steps at `hz`: heave, surge and nod at the step rate, sideways push, bank and yaw at half of it.

    heave and surge in m/s², nod and bank in degrees; bounce is the range of the second harmonic's share.
    """
    second, third = draw.between(*bounce), draw.uniform(0, 0.25)
    step, lag, side = draw.phase(), draw.uniform(-0.8, 0.8), draw.phase()
    sideways = heave * draw.uniform(0.15, 0.45)
    nod, bank, swing = nod_deg * DEGREE, bank_deg * DEGREE, draw.uniform(0.5, 3) * DEGREE
    return Motion(
        lambda t: axes(
            bank * wave(t, hz / 2, side),
            nod * wave(t, hz, step + lag),
            swing * wave(t, hz / 2, side + 1.0),
        ),
        lambda t: axes(
            surge * wave(t, hz, step + np.pi / 2 + lag, second),
            sideways * wave(t, hz / 2, side, second),
            heave * wave(t, hz, step, second, third),
        ),
    )


def rest(draw):
    """Lying or standing still in any posture, breathing."""
    hz, phase = draw.between(0.2, 0.8), draw.phase()
    lift, tilt = draw.between(0.01, 0.10), draw.between(0.1, 0.8) * DEGREE
    breath = Motion(
        lambda t: axes(0.0, tilt * wave(t, hz, phase), 0.0),
        lambda t: axes(0.0, 0.0, lift * wave(t, hz, phase)),
    )
    return posture(draw, 40, 75, sway_deg=0.4) + breath


def walk(draw):
    """Steps at 1.4 to 2.2 Hz, gentle."""
    heave = draw.between(1.2, 3.0)
    steps = gait(draw, draw.between(1.4, 2.2), heave, heave * draw.uniform(0.3, 0.7), draw.between(1, 4), draw.between(1, 5))
    return posture(draw, 15, 8) + drift(draw, 0.35) + steps


def trot(draw):
    """Steps at 2.5 to 3.5 Hz, springy, the back level."""
    heave = draw.between(4.0, 8.0)
    steps = gait(draw, draw.between(2.5, 3.5), heave, heave * draw.uniform(0.2, 0.5), draw.between(1, 4), draw.between(1, 4))
    return posture(draw, 15, 8) + drift(draw, 0.35) + steps


def gallop(draw):
    """Bounds at 1.9 to 2.9 Hz: hard impacts, strong surge, the body pitching with every stride."""
    heave = draw.between(9.0, 17.0)
    strides = gait(
        draw, draw.between(1.9, 2.9), heave, heave * draw.uniform(0.4, 0.8), draw.between(8, 18), draw.between(2, 6), (0.3, 0.7)
    )
    return posture(draw, 15, 8) + drift(draw, 0.35) + strides


def turn(draw, direction):
    """Turning on the move at 1.2 to 3.2 rad/s, direction +1 is left; leans in and feels the centripetal push."""
    rate, ripple, phase = draw.between(1.2, 3.2), draw.uniform(0, 0.3), draw.phase()
    hz, speed, lean = draw.uniform(0.4, 1.0), draw.between(0.2, 1.2), draw.between(2, 10) * DEGREE

    def yaw(t):
        return direction * rate * (t - ripple * np.cos(2 * np.pi * hz * t + phase) / (2 * np.pi * hz))

    def centripetal(t):
        return direction * speed * rate * (1 + ripple * np.sin(2 * np.pi * hz * t + phase))

    heave = draw.between(0.3, 1.6)
    steps = gait(draw, draw.between(1.2, 2.2), heave, heave * 0.4, draw.between(0.5, 3), draw.between(0.5, 3))
    arc = Motion(lambda t: axes(-direction * lean, 0.0, yaw(t)), lambda t: axes(0.0, centripetal(t), 0.0))
    return posture(draw, 15, 8) + steps + arc


def turn_left(draw):
    return turn(draw, 1.0)


def turn_right(draw):
    return turn(draw, -1.0)


def jump(draw):
    """Push-off, free fall for 0.2 to 0.4 s, landing; the impulses of both ends match the flight."""
    push, flight, land = draw.between(0.12, 0.22), draw.between(0.20, 0.38), draw.between(0.08, 0.18)
    start = draw.uniform(0.02, 1.0) * (0.96 - push - flight - land)
    takeoff, touchdown = start + push, start + push + flight
    speed = GRAVITY * flight / 2
    rise, forward = draw.between(8, 25) * DEGREE, draw.between(0.2, 0.7)

    def up(t):
        falling = np.where((t >= takeoff) & (t < touchdown), -GRAVITY, 0.0)
        kick = speed * np.pi / 2 * (half_sine(t, start, push) / push + half_sine(t, touchdown, land) / land)
        return kick + falling

    def ahead(t):
        return speed * forward * np.pi / 2 * (half_sine(t, start, push) / push - half_sine(t, touchdown, land) / land)

    def pitch(t):
        return rise * (2 * minimum_jerk(t, takeoff, flight) - minimum_jerk(t, start, push) - minimum_jerk(t, touchdown, land))

    leap = Motion(lambda t: axes(0.0, pitch(t), 0.0), lambda t: axes(ahead(t), 0.0, up(t)))
    return posture(draw, 15, 8) + drift(draw, 0.3) + leap


def shake(draw):
    """Shaking water off: the body rolls to and fro by 20 to 40 degrees, 3.5 to 6 times a second."""
    hz, swing, phase = draw.between(3.5, 6.0), draw.between(20, 40) * DEGREE, draw.phase()
    twist, lateral = swing * draw.uniform(0.1, 0.35), draw.between(1.0, 5.0)
    swell, swelling = draw.uniform(0, 0.25), draw.phase()

    def envelope(t):
        return 1 - swell * (1 + np.sin(2 * np.pi * t + swelling)) / 2

    shaking = Motion(
        lambda t: axes(envelope(t) * swing * wave(t, hz, phase), 0.0, envelope(t) * twist * wave(t, hz, phase + 1.2)),
        lambda t: axes(0.0, envelope(t) * lateral * wave(t, hz, phase + 0.5), 0.0),
    )
    return posture(draw, 15, 12) + shaking


def scratch(draw):
    """Scratching: sitting with the head tilted to one side, jerked 4 to 7 times a second."""
    side, hz, phase = draw.sign(), draw.between(4.0, 7.0), draw.phase()
    tilt, jerk = side * draw.between(15, 35) * DEGREE, draw.between(3.0, 8.0)
    nod, bank = draw.between(1.0, 4.0) * DEGREE, draw.between(1.5, 5.0) * DEGREE
    second, lag = draw.between(0.2, 0.6), draw.uniform(-0.5, 0.5)
    scratching = Motion(
        lambda t: axes(tilt + bank * wave(t, hz, phase), nod * wave(t, hz, phase + lag), 0.0),
        lambda t: axes(
            0.7 * jerk * wave(t, hz, phase + 0.4, second),
            side * jerk * wave(t, hz, phase, second),
            0.5 * jerk * wave(t, hz, phase + lag, second),
        ),
    )
    return posture(draw, 20, 8) + scratching


def roll_over(draw):
    """Rolling over by 90 to 170 degrees, either way, from any side."""
    way, angle, duration = draw.sign(), draw.between(90, 170) * DEGREE, draw.between(0.6, 1.0)
    start, twist = draw.uniform(-0.1, 0.1) + (1 - duration) / 2, draw.uniform(-0.4, 0.4)
    hop = draw.between(0.03, 0.12)
    rolling = Motion(
        lambda t: axes(way * angle, 0.0, twist) * minimum_jerk(t, start, duration)[..., None],
        lambda t: axes(0.0, -way * hop, hop) * minimum_jerk_acceleration(t, start, duration)[..., None],
    )
    return posture(draw, 15, 80) + rolling


def get_up(draw):
    """From sitting, nose 25 to 55 degrees up, to standing: the trunk levels while it rises and moves forward."""
    sitting, duration = draw.between(25, 55) * DEGREE, draw.between(0.5, 0.85)
    start = draw.uniform(0.02, 0.98 - 0.5) * np.clip((1 - duration) / 0.5, 0, 1)
    height, reach = draw.between(0.10, 0.28), draw.between(0.08, 0.25)
    rising = Motion(
        lambda t: axes(0.0, sitting * (minimum_jerk(t, start, duration) - 1), 0.0),
        lambda t: axes(reach, 0.0, height) * minimum_jerk_acceleration(t, start, duration)[..., None],
    )
    return posture(draw, 8, 10) + rising


def vehicle(draw):
    """Carried in a vehicle: engine and road vibration at 9 to 28 Hz, slow sway, braking, bends."""
    motion = posture(draw, 25, 60) + drift(draw, 0.15)
    haul, lean = draw.between(-1.5, 1.5), draw.between(-1.0, 1.0)
    sway, hz, phase = draw.between(0.1, 0.5), draw.uniform(0.8, 2.0), draw.phase()
    motion += Motion(still, lambda t: axes(haul, lean, sway * wave(t, hz, phase)))
    for _ in range(3):
        motion += vibration(draw, draw.between(9.0, 28.0), draw.between(0.25, 1.2), draw.between(0.02, 0.15) * DEGREE)
    return motion


def vibration(draw, hz, strength, tilt):
    """One line of a vibration spectrum, its own phase on every axis."""
    p, q, r = draw.phase(), draw.phase(), draw.phase()
    x, y = draw.uniform(0.3, 1.0), draw.uniform(0.3, 1.0)
    return Motion(
        lambda t: tilt[..., None] * axes(wave(t, hz, q), wave(t, hz, r), wave(t, hz, p)),
        lambda t: strength[..., None] * axes(x * wave(t, hz, p), y * wave(t, hz, q), wave(t, hz, r)),
    )


MOTIFS = {
    motif.__name__: motif
    for motif in (rest, walk, trot, gallop, turn_left, turn_right, jump, shake, scratch, roll_over, get_up, vehicle)
}


# --- kinematics -------------------------------------------------------------------------------------------------------


def rotation(angles):
    """Body-to-world matrices [..., 3, 3] of roll, pitch, yaw [..., 3] in rad."""
    (cr, cp, cy), (sr, sp, sy) = np.moveaxis(np.cos(angles), -1, 0), np.moveaxis(np.sin(angles), -1, 0)
    rows = (
        (cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr),
        (sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr),
        (-sp, cp * sr, cp * cr),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def rotate(matrices, vectors):
    """matrices [..., 3, 3] applied to vectors [..., 3]."""
    return np.einsum("...ij,...j->...i", matrices, vectors)


def rotate_back(matrices, vectors):
    """Transposed matrices applied to vectors: from the world into the body."""
    return np.einsum("...ji,...j->...i", matrices, vectors)


def rotation_vector(matrices):
    """Axis times angle [..., 3] of rotations by less than a right angle."""
    skew = matrices - np.swapaxes(matrices, -1, -2)
    sine = np.stack((skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]), axis=-1) / 2
    norm = np.linalg.norm(sine, axis=-1, keepdims=True)
    return sine * np.where(norm > 1e-12, np.arcsin(np.minimum(norm, 1)) / np.maximum(norm, 1e-12), 1.0)


def body_rates(before, after, seconds):
    """Angular velocity in the body frame, rad/s, between two orientations [..., 3, 3] `seconds` apart."""
    return rotation_vector(np.swapaxes(before, -1, -2) @ after) / seconds


def kinematics(motion, t, lever):
    """Ideal quantities in the body frame at times t [n, T] for a sensor at `lever` [n, 1, 3] (m) from the centre.

    Returns orientation [n, T, 3, 3], body rates (rad/s) and specific force (m/s²), both [n, T, 3].
    """
    h = HALF_STEP_S
    before, now, after = (rotation(motion.angles(t + shift)) for shift in (-h, 0.0, h))
    rates = body_rates(before, after, 2 * h)
    swing = rotate(before - 2 * now + after, lever) / h**2
    heading = rotation(motion.angles(t) * np.array([0.0, 0.0, 1.0]))
    acceleration = rotate(heading, motion.push(t)) + swing
    return now, rates, rotate_back(now, acceleration + np.array([0.0, 0.0, GRAVITY]))


def earth_field(strength, inclination_deg):
    """Magnetic field [n, 1, 3] in the world frame, µT; positive inclination points down."""
    dip = inclination_deg * DEGREE
    return strength[..., None] * axes(np.cos(dip), 0.0, -np.sin(dip))


# --- the sensor -------------------------------------------------------------------------------------------------------


def pick(rng, options, count):
    """`count` rows of `options`, drawn with replacement: [count, 1] or [count, 1, k]."""
    return np.asarray(options, dtype=float)[rng.integers(len(options), size=count)][:, None]


def measure(rng, ideal, noise, bias, lsb, scale_error, limit):
    """Scale error per axis, a bias drawn within ± bias, white noise, quantisation, saturation. All parameters [n, 1]."""
    count = len(ideal)
    scale = 1 + scale_error[..., None] * rng.uniform(-1, 1, (count, 1, 3))
    offset = bias[..., None] * rng.uniform(-1, 1, (count, 1, 3))
    noisy = ideal * scale + offset + noise[..., None] * rng.standard_normal(ideal.shape)
    return np.clip(np.round(noisy / lsb[..., None]) * lsb[..., None], -limit[..., None], limit[..., None])


def sensor_columns(rng, sensors, count):
    """A sensor for every window, as a dict of parameter arrays [count, 1]."""
    which = rng.integers(len(sensors), size=count)
    names = [name for name in Sensor.__dataclass_fields__ if name != "name"]
    return {name: np.array([getattr(s, name) for s in sensors])[which][:, None] for name in names}


def mounting(rng, domain, count):
    """Sensor-to-body rotations [count, 1, 3, 3]: a nominal mounting and its play."""
    nominal = pick(rng, domain.mountings, count) * DEGREE
    play = rng.uniform(-1, 1, (count, 1, 3)) * domain.mounting_play * DEGREE
    return rotation(nominal) @ rotation(play)


def simulate(motif, domain, count, rng):
    """`count` windows of one motif: float32 [count, 100, 9] in m/s², rad/s and µT."""
    motion = MOTIFS[motif](Draw(rng, count, domain.bands))
    sensor = sensor_columns(rng, domain.sensors, count)
    rate = RATE_HZ * (1 + pick(rng, domain.rate_errors, count))
    t = np.arange(SAMPLES) / rate + sensor["jitter_s"] * rng.standard_normal((count, SAMPLES))
    lever = rng.uniform(-1, 1, (count, 1, 3)) * np.array([0.08, 0.05, 0.08])
    orientation, rates, force = kinematics(motion, t, lever)
    field = pick(rng, domain.fields, count)
    magnetic = rotate_back(orientation, earth_field(field[..., 0], field[..., 1]))
    mount = mounting(rng, domain, count)
    acc, gyro, mag = (rotate_back(mount, ideal) for ideal in (force, rates, magnetic))
    gyro_range, mag_range = np.full((count, 1), 2000 * DEGREE), np.full((count, 1), 1200.0)
    scale = sensor["scale_error"]
    channels = (
        measure(rng, acc, sensor["acc_noise"], sensor["acc_bias"], sensor["acc_lsb"], scale, sensor["acc_range"]),
        measure(rng, gyro, sensor["gyro_noise"], sensor["gyro_bias"], sensor["gyro_lsb"], scale, gyro_range),
        measure(rng, mag, sensor["mag_noise"], sensor["hard_iron"], sensor["mag_lsb"], scale, mag_range),
    )
    return np.concatenate(channels, axis=-1).astype(np.float32)


def windows(domain, per_motif, seed):
    """Windows of all motifs, motif by motif: x float32 [12·per_motif, 100, 9], labels int64 [12·per_motif].

    Each motif has a generator of its own, so that adding one leaves the windows of the others as they were.
    """
    parts = [simulate(motif, domain, per_motif, np.random.default_rng([seed, i])) for i, motif in enumerate(MOTIFS)]
    return np.concatenate(parts), np.repeat(np.arange(len(MOTIFS)), per_motif)


# --- command line -----------------------------------------------------------------------------------------------------

HELD_OUT_SEED = 7001


def request_body(window):
    """Compact JSON {"x": [[9] × 100]} with four decimals; + 0.0 turns -0.0 into 0.0."""
    rows = (np.round(window.astype(float), 4) + 0.0).tolist()
    return json.dumps({"x": rows}, separators=(",", ":"))


def write_examples(directory, per_motif):
    """The first held-out window of every motif, whatever a model makes of it."""
    x, labels = windows(HELD_OUT, per_motif, HELD_OUT_SEED)
    directory.mkdir(parents=True, exist_ok=True)
    for i, motif in enumerate(MOTIFS):
        (directory / f"{motif}.json").write_text(request_body(x[np.argmax(labels == i)]) + "\n")


def write_set(path, per_motif, domain, seed):
    """A domain's set as raw little-endian float32 [n, 100, 9], and its motif names and labels as JSON beside it."""
    x, labels = windows(domain, per_motif, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    x.astype("<f4").tofile(path)
    facts = {"motifs": list(MOTIFS), "labels": labels.tolist(), "seed": seed, "domain": domain.name}
    path.with_suffix(".json").write_text(json.dumps(facts))


def main():
    parser = argparse.ArgumentParser(description="Write simulated windows.")
    parser.add_argument("--dump", type=Path, metavar="DIR", help="a held-out request body per motif, DIR/<motif>.json")
    parser.add_argument("--set", type=Path, metavar="FILE", help="a whole set as raw float32, for evaluate.mjs")
    parser.add_argument("--per-motif", type=int, default=500, help="windows per motif in the set (default 500)")
    parser.add_argument("--domain", choices=DOMAINS, default=HELD_OUT.name, help="of the set (default %(default)s)")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEED, help="of the set (default %(default)s)")
    options = parser.parse_args()
    if not (options.dump or options.set):
        parser.error("nothing to do: give --dump DIR or --set FILE")
    if options.dump:
        write_examples(options.dump, options.per_motif)
    if options.set:
        write_set(options.set, options.per_motif, DOMAINS[options.domain], options.seed)


if __name__ == "__main__":
    main()
