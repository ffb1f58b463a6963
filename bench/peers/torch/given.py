"""What python.ts hands over: settings, and arrays by name."""
import json
import os
import sys

import torch


def given():
    folder = sys.argv[1]
    with open(os.path.join(folder, "about.json")) as file:
        about = json.load(file)
    torch.set_num_threads(about["settings"]["threads"])
    arrays = {}
    with open(os.path.join(folder, "arrays"), "rb") as file:
        for entry in about["arrays"]:
            values = bytearray(file.read(4 * entry["elements"]))
            flat = torch.frombuffer(values, dtype=getattr(torch, entry["kind"]))
            arrays[entry["name"]] = flat.reshape(entry["shape"])
    return about["settings"], arrays
