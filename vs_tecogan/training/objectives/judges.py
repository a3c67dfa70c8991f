"""What judges MoCoGAN-HD's motion: D_V sees clips, D_I sees pairs of frames (in-domain) or single ones (cross)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...networks.patches import ContrastDiscriminator, PatchDiscriminator
from ..config import Config
from ..data.diffaug import CHANGES, diffaug
from .adversarial import relativistic_d, relativistic_g
from .contrast import ContrastQueue

FEATURES = 64
"""Numbers of the space in which contrast is learned; published 256."""


def pooled(clips: Tensor, pool: int) -> Tensor:
    """Clips (N, T, 3, s, s) whose pixels are means over ``pool`` x ``pool``.

    A small image generator is told from real pictures by its details, which no motion can mend: a judge that sees those
    has nothing to say about motion.
    """
    return clips if pool == 1 else F.avg_pool3d(clips.transpose(1, 2), (1, pool, pool)).transpose(1, 2)


class VideoJudge(nn.Module):
    """D_V, relativistic. In-domain it sees the first frame beside each other one; across domains the clip alone."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, self.paired = config, config.motion.domain == "in"
        self.network = PatchDiscriminator(6 if self.paired else 3, config.motion.d_video_width, 3)

    def seen(self, clips: Tensor) -> Tensor:
        """(N, T, 3, s, s) as (N, 3 or 6, t, s / pool, s / pool)."""
        clips = diffaug(pooled(clips, self.config.motion.judged_pool), self.config.style.diffaug)
        if self.paired:
            clips = torch.cat((clips[:, :1].expand_as(clips[:, 1:]), clips[:, 1:]), dim=2)
        return clips.transpose(1, 2)

    def d_loss(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Of clips (N, T, 3, s, s): the adversarial term, and the penalty for steepness between real and fake."""
        ours, theirs = self.seen(real), self.seen(fake)
        pairs = zip(self.network(ours), self.network(theirs), strict=True)
        terms = {"d_video": torch.stack([relativistic_d(a, b) for a, b in pairs]).mean()}
        weight = self.config.motion.penalty_weight
        if weight:
            terms["d_penalty"] = weight * self._penalty(ours.detach(), theirs.detach())
        return terms

    def _penalty(self, real: Tensor, fake: Tensor) -> Tensor:
        """Squared deviation of the gradient's length from 1 between real and fake (Gulrajani et al. 2017)."""
        part = torch.rand(len(real), 1, 1, 1, 1, device=real.device)
        between = torch.lerp(real, fake, part).requires_grad_(True)
        total = torch.stack([logits.flatten(1).mean(1) for logits in self.network(between)]).mean(0).sum()
        (gradient,) = torch.autograd.grad(total, between, create_graph=True)
        lengths: Tensor = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
        return (lengths - 1).square().mean()

    def g_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Of the motion generator."""
        with torch.no_grad():
            theirs = self.network(self.seen(real))
        pairs = zip(theirs, self.network(self.seen(fake)), strict=True)
        return torch.stack([relativistic_g(a, b) for a, b in pairs]).mean()


class PairJudge(nn.Module):
    """D_I in-domain, relativistic: the first frame beside one of the others."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.network = PatchDiscriminator(6, config.motion.d_image_width, 2)

    def seen(self, clips: Tensor) -> Tensor:
        """(N, T, 3, s, s) as pairs (N, 6, s / pool, s / pool), the second frame at random."""
        clips = pooled(clips, self.config.motion.judged_pool)
        later = torch.randint(1, clips.shape[1], (len(clips),), device=clips.device)
        pairs = torch.stack((clips[:, 0], clips[torch.arange(len(clips), device=clips.device), later]), dim=1)
        return diffaug(pairs, self.config.style.diffaug).flatten(1, 2)

    def d_loss(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Of clips."""
        pairs = zip(self.network(self.seen(real)), self.network(self.seen(fake)), strict=True)
        return {"d_image": torch.stack([relativistic_d(a, b) for a, b in pairs]).mean()}

    def g_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Of the motion generator."""
        with torch.no_grad():
            theirs = self.network(self.seen(real))
        pairs = zip(theirs, self.network(self.seen(fake)), strict=True)
        return torch.stack([relativistic_g(a, b) for a, b in pairs]).mean()


class ContrastJudge(nn.Module):
    """D_I across domains: hinge on single pictures, contrast, and features that follow those of the first frame."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        widths = [min(config.motion.d_image_width << k, 64) for k in range(len(config.style.widths))]
        self.network = ContrastDiscriminator(widths[::-1], FEATURES)
        motion = config.motion
        self.contrast = ContrastQueue(self.network, motion.queue, FEATURES, motion.key_decay)

    def changed(self, pictures: Tensor) -> Tensor:
        """Another view of pictures: mirrored or not, in other colours and places, with a hole."""
        mirror = torch.rand(len(pictures), 1, 1, 1, device=pictures.device) < 0.5
        return diffaug(torch.where(mirror, pictures.flip(-1), pictures), tuple(CHANGES))

    def d_loss(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Of pictures (N, 3, s, s) and generated clips (N, T, 3, s, s)."""
        later = fake[torch.arange(len(fake)), torch.randint(1, fake.shape[1], (len(fake),))]
        ours, theirs = self.network(real)[0], self.network(later)[0]
        terms = {"d_image": F.relu(1 - ours).mean() + F.relu(1 + theirs).mean()}
        motion = self.config.motion
        if motion.contrast_weight:
            losses, keys = [], []
            for pictures in (real, later):
                key = self.contrast.features(self.changed(pictures))
                query = self.network(self.changed(pictures))[1]
                losses.append(self.contrast.loss(query, key, motion.temperature))
                keys.append(key)
            terms["d_contrast"] = motion.contrast_weight * torch.stack(losses).mean()
            self._keys = torch.cat(keys)
        return terms

    def after_step(self) -> None:
        """Take the keys of the last loss into the queue."""
        if self.config.motion.contrast_weight:
            self.contrast.advance(self.network, self._keys)

    def g_loss(self, fake: Tensor) -> dict[str, Tensor]:
        """Of the motion generator: pictures like those of the data, and the content of the first frame."""
        rows = torch.arange(len(fake))
        later = fake[rows, torch.randint(1, fake.shape[1], (len(fake),))]
        logits, features = self.network(later)
        terms = {"image": -logits.mean()}
        weight = self.config.motion.match_weight
        if weight:
            with torch.no_grad():
                first = self.network(fake[:, 0])[1]
            terms["match"] = -weight * (first * features).sum(1).mean()
        return terms
