"""Steps of the small GPT by PyTorch; prints milliseconds of groups of steps, first and last loss."""
import json
import time

import torch
import torch.nn.functional as F

from given import given

settings, arrays = given()
x, y = arrays.pop("x").long(), arrays.pop("y").long()
p = {name: w.requires_grad_() for name, w in arrays.items()}
width, heads, length, batch = (settings[k] for k in ("width", "heads", "length", "batch"))
causal = torch.full((length, length), float("-inf")).triu(1)


def norm(h, name):
    return F.layer_norm(h, (width,), p[name + ".gain"], p[name + ".bias"], settings["epsilon"])


def linear(h, name):
    return h @ p[name + ".weight"] + p[name + ".bias"]


def loss_of(ids, following):
    h = p["word"][ids] + p["position"]
    for i in range(settings["layers"]):
        name = f"layers.{i}."
        together = linear(norm(h, name + "attentionNorm"), name + "attention.queryKeyValue")
        q, k, v = together.view(batch, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) * (width // heads) ** -0.5 + causal
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, width)
        h = h + linear(mixed, name + "attention.output")
        inner = F.gelu(linear(norm(h, name + "feedForwardNorm"), name + "feedForward.up"), approximate="tanh")
        h = h + linear(inner, name + "feedForward.down")
    logits = norm(h, "norm") @ p["head"]
    return F.cross_entropy(logits.view(-1, settings["vocabulary"]), following.reshape(-1))


adamw = torch.optim.AdamW(
    p.values(),
    lr=settings["learningRate"],
    betas=(settings["beta1"], settings["beta2"]),
    eps=settings["adamEpsilon"],
    weight_decay=settings["weightDecay"],
)


def step(i):
    loss = loss_of(x[i], y[i])
    adamw.zero_grad(set_to_none=True)
    loss.backward()
    adamw.step()
    return loss


group = 5
first, times = step(0).item(), []
for i in range(1, group):
    step(i).item()
for done in range(group, settings["steps"], group):
    start = time.perf_counter()
    for i in range(done, done + group):
        loss = step(i)
    last = loss.item()
    times.append(1000 * (time.perf_counter() - start) / group)
print(json.dumps({"times": times, "first": first, "last": last}))
