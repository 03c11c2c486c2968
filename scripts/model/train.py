#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the reference encoder on simulated windows of the training domain; seeded, two threads, minutes.

Every epoch is simulated afresh, each window with its own sensor, rate, mounting, field and gait of the training domain.
The held-out domain is not looked at here: no stopping, no choice of weights. The last epoch is what ships.

Loss: cross-entropy of the motifs (labels smoothed, so that scores stay graded) + what makes the latent more than twelve
clusters: a small decoder must rebuild each channel's level and spread in both halves of the window from it (posture,
heading and intensity), every dimension must vary, and no two may say the same.

Writes checkpoint.pt (state_dict), normalisation.json (mean and std per channel) and training.json into --out.
"""

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np

import simulate
from config import load_config
from needs import need
from tcn import count_parameters, create_encoder

torch = need("torch", "python3-torch")
nn = torch.nn

THREADS = 2
SEED = 20261101
NORMALISATION_SEED = SEED + 1
VALIDATION_SEED = SEED + 2
EPOCH_SEED = SEED + 1000


def seed_everything():
    """One seed, deterministic kernels, a fixed number of threads (the order of a sum depends on it)."""
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(THREADS)


def measure_normalisation(per_motif):
    """Mean and std [9] over training windows, as float32: what the manifest stores is what training used."""
    x, _ = simulate.windows(simulate.TRAIN, per_motif, NORMALISATION_SEED)
    flat = x.reshape(-1, 9).astype(np.float64)
    return flat.mean(0).astype(np.float32), flat.std(0).astype(np.float32)


def tensors(domain, per_motif, seed, norm):
    """z-scored windows [n, 100, 9] and labels [n]."""
    x, labels = simulate.windows(domain, per_motif, seed)
    return torch.from_numpy((x - norm[0]) / norm[1]), torch.from_numpy(labels)


def describe(x):
    """What the decoder must rebuild from the latent: [n, 100, 9] → [n, 36], mean and log spread per channel and half."""
    halves = x.reshape(len(x), 2, 50, 9)
    return torch.cat([halves.mean(2).flatten(1), torch.log(halves.std(2) + 0.05).flatten(1)], dim=1)


def latent_loss(latent):
    """Keeps every dimension alive (std of 1 or a little below over a batch), uncorrelated and of moderate size."""
    centred = latent - latent.mean(0)
    spread = torch.sqrt(centred.pow(2).mean(0) + 1e-4)
    covariance = centred.T @ centred / len(latent)
    off_diagonal = covariance - torch.diag(torch.diagonal(covariance))
    return torch.relu(1 - spread).mean() + 0.5 * off_diagonal.pow(2).sum() / len(off_diagonal) + 0.01 * latent.pow(2).mean()


def train_epoch(model, decoder, optimiser, schedule, x, labels, batch):
    """One pass in random order; returns the mean loss."""
    total = 0.0
    order = torch.randperm(len(x))
    for start in range(0, len(x) - batch + 1, batch):
        rows = order[start : start + batch]
        latent = model.latent(x[rows])
        motif = nn.functional.cross_entropy(model.motif_head(latent), labels[rows], label_smoothing=0.05)
        rebuilt = nn.functional.smooth_l1_loss(decoder(latent), describe(x[rows]))
        loss = motif + 0.5 * rebuilt + 0.1 * latent_loss(latent)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        total += loss.item()
    return total / (len(x) // batch)


def accuracy(model, x, labels):
    model.eval()
    with torch.no_grad():
        guesses = torch.cat([model(part)[1].argmax(1) for part in x.split(256)])
    model.train()
    return (guesses == labels).double().mean().item()


def fit(model, options, norm):
    """Trains for `epochs`, prints a line for each tenth, returns the log."""
    decoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 36))
    optimiser = torch.optim.AdamW([*model.parameters(), *decoder.parameters()], lr=options.rate, weight_decay=0.01)
    steps = options.epochs * (12 * options.per_motif // options.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.rate, total_steps=steps, pct_start=0.15)
    check = tensors(simulate.TRAIN, 100, VALIDATION_SEED, norm)
    log = []
    for epoch in range(options.epochs):
        data = tensors(simulate.TRAIN, options.per_motif, EPOCH_SEED + epoch, norm)
        loss = train_epoch(model, decoder, optimiser, schedule, *data, options.batch)
        if (epoch + 1) % max(1, options.epochs // 10) == 0:
            log.append({"epoch": epoch + 1, "loss": round(loss, 4), "train_domain_accuracy": round(accuracy(model, *check), 4)})
            print(f"epoch {epoch + 1:3d}/{options.epochs}  loss {loss:.4f}  training domain {log[-1]['train_domain_accuracy']:.4f}", flush=True)
    return log


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description="Train the reference encoder on simulated motion.")
    parser.add_argument("--out", type=Path, required=True, help="directory for checkpoint.pt and the facts beside it")
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("reference.yaml"))
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--per-motif", type=int, default=300, help="windows per motif and epoch")
    parser.add_argument("--batch", type=int, default=120)
    parser.add_argument("--rate", type=float, default=4e-3, help="highest learning rate")
    options = parser.parse_args()

    started = time.monotonic()
    seed_everything()
    norm = measure_normalisation(1000)
    model = create_encoder(load_config(options.config))
    log = fit(model, options, norm)
    seconds = round(time.monotonic() - started, 1)

    options.out.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), options.out / "checkpoint.pt")
    write_json(options.out / "normalisation.json", {"mean": norm[0].tolist(), "std": norm[1].tolist()})
    facts = {
        "seed": SEED,
        "threads": THREADS,
        "epochs": options.epochs,
        "windows": options.epochs * 12 * options.per_motif,
        "parameters": count_parameters(model),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "seconds": seconds,
        "log": log,
    }
    write_json(options.out / "training.json", facts)
    print(f"trained in {seconds} s: {options.out / 'checkpoint.pt'}")


if __name__ == "__main__":
    main()
