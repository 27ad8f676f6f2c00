"""The training step of iqn.ts and an action, timed with one PyTorch thread.

Reads lines `step factorised 10`, `step independent 10` or `act 200` and answers each with a line of JSON: seconds per call.
"""
import json
import math
import sys
import time

import torch
from torch.nn.functional import relu

torch.set_num_threads(1)
torch.manual_seed(1)
sizes = json.loads(sys.argv[1])
inputs, width, quantiles, cosines = (sizes[name] for name in ("inputs", "width", "quantiles", "cosines"))
batch, actions, discount, tau_target, max_norm = 64, 4, 0.99**3, 0.001, 10.0
shapes = {"1": (width, inputs), "c": (width, cosines), "f": (width, width), "a": (actions, width), "v": (1, width)}
frequencies = math.pi * torch.arange(1, cosines + 1)


def make_network():
    network = {}
    for name, (outputs, ins) in shapes.items():
        bound = 1 / math.sqrt(ins)
        network["w" + name] = torch.empty(outputs, ins).uniform_(-bound, bound)
        network["b" + name] = torch.empty(outputs).uniform_(-bound, bound)
        if name in "fav":
            network["sw" + name] = torch.full((outputs, ins), 0.017)
            network["sb" + name] = torch.full((outputs,), 0.017)
    return network


def roots(count):
    drawn = torch.randn(count)
    return drawn.sign() * drawn.abs().sqrt()


def noisy(p, name, kind, x):
    w, b = p["w" + name], p["b" + name]
    if kind == "factorised":
        b_epsilon = roots(b.shape[0])
        w_epsilon = torch.outer(b_epsilon, roots(w.shape[1]))
    else:
        w_epsilon, b_epsilon = torch.randn(w.shape), torch.randn(b.shape)
    return torch.addmm(b + p["sb" + name] * b_epsilon, x, (w + p["sw" + name] * w_epsilon).t())


def linear(p, name, x):
    return torch.addmm(p["b" + name], x, p["w" + name].t())


def embed(p, tau):
    return relu(linear(p, "c", torch.cos(tau.unsqueeze(1) * frequencies)))


def values(p, kind, observation):
    rows = observation.shape[0]
    tau = torch.rand(rows * quantiles)
    h = relu(linear(p, "1", observation)).unsqueeze(1)
    x = (h * embed(p, tau).view(rows, quantiles, width)).view(rows * quantiles, width)
    z = relu(noisy(p, "f", kind, x))
    a = noisy(p, "a", kind, z)
    return (noisy(p, "v", kind, z) + a - a.mean(1, keepdim=True)).view(rows, quantiles, actions), tau


online, target = make_network(), make_network()
for tensor in online.values():
    tensor.requires_grad_()
optimizer = torch.optim.Adam(online.values(), lr=2.5e-4)


def draw_batch():
    observation = lambda: (torch.rand(batch, inputs) < 0.05).float()
    return observation(), observation(), torch.randint(actions, (batch,)), torch.rand(batch, 1)


def step(kind, observation, following, action, returns):
    rows = torch.arange(batch)
    with torch.no_grad():
        best = values(online, kind, following)[0].mean(1).argmax(1)
        goal = returns + discount * values(target, kind, following)[0][rows, :, best]
    z, tau = values(online, kind, observation)
    difference = goal.unsqueeze(1) - z[rows, :, action].unsqueeze(2)
    inside = difference.detach().clamp(-1, 1)
    asymmetry = (tau.view(batch, quantiles, 1) - (difference < 0).float()).abs()
    loss = (asymmetry * inside * (difference - 0.5 * inside)).mean()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(online.values(), max_norm)
    optimizer.step()
    with torch.no_grad():
        for old, new in zip(target.values(), online.values()):
            old.lerp_(new, tau_target)
    assert math.isfinite(loss.item())


batches = [draw_batch() for _ in range(16)]
with torch.no_grad():
    grid = embed(online, (torch.arange(quantiles) + 0.5) / quantiles)


def act(row):
    with torch.no_grad():
        x = batches[0][0][row : row + 1]
        z = relu(linear(online, "f", relu(linear(online, "1", x)) * grid))
        return linear(online, "a", z.mean(0, keepdim=True)).argmax().item()


print(json.dumps({"torch": torch.__version__}), flush=True)
for line in sys.stdin:
    what, *rest = line.split()
    calls = int(rest[-1])
    began = time.perf_counter()
    for call in range(calls):
        if what == "act":
            act(call % batch)
        else:
            step(rest[0], *batches[call % len(batches)])
    print(json.dumps({"secondsPerCall": (time.perf_counter() - began) / calls}), flush=True)
