"""Contrastive learning with a queue, as MoCo (He et al. 2020): for the image discriminator of MoCoGAN-HD."""

from copy import deepcopy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...networks.patches import ContrastDiscriminator


class ContrastQueue:
    """An averaged copy of a discriminator, and the features that it made lately.

    :param length: features kept. :param decay: of the averaged copy.
    """

    def __init__(self, network: ContrastDiscriminator, length: int, features: int, decay: float) -> None:
        self.keys = deepcopy(network).requires_grad_(False)
        device = next(network.parameters()).device
        self.queue = F.normalize(torch.randn(length, features, device=device), dim=1)
        self.place, self._decay = 0, decay

    @torch.no_grad()
    def features(self, pictures: Tensor) -> Tensor:
        """Features (N, F) by the averaged copy."""
        keys: Tensor = self.keys(pictures)[1]
        return keys

    def loss(self, queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
        """InfoNCE: each query is to be nearer to its key than to all in the queue; both (N, F) of length 1."""
        positive = (queries * keys).sum(1, keepdim=True)
        logits = torch.cat((positive, queries @ self.queue.T), dim=1) / temperature
        return F.cross_entropy(logits, torch.zeros(len(queries), dtype=torch.long, device=queries.device))

    @torch.no_grad()
    def advance(self, network: ContrastDiscriminator, keys: Tensor) -> None:
        """Take keys into the queue in place of the oldest, and move the copy towards the network."""
        places = (self.place + torch.arange(len(keys), device=self.queue.device)) % len(self.queue)
        self.queue[places] = keys
        self.place = (self.place + len(keys)) % len(self.queue)
        torch._foreach_lerp_(list(self.keys.parameters()), list(network.parameters()), 1 - self._decay)

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values."""
        return {"keys": self.keys.state_dict(), "queue": self.queue, "place": self.place}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state."""
        self.keys.load_state_dict(state["keys"])
        self.queue.copy_(state["queue"])
        self.place = state["place"]
