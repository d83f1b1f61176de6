"""The worker: a Python process that computes the layers of networks that deepViz has no layers for.

Such a network is recorded as its exported program (`model.pt2`) and a list of which node of it each layer is
(`worker.json`); `python -m deepviz.worker RUN` then answers what the program `deepviz` asks for.
"""

from .network import Mode, WorkerNetwork, network_of

__all__ = ["Mode", "WorkerNetwork", "network_of"]
