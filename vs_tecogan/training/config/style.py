"""Settings of image generators and of motion over them: StyleGAN2's kind, MoCoGAN-HD."""

from dataclasses import dataclass
from typing import Literal

from .option import COUNT, POSITIVE, PROBABILITY, Range, option

MOMENTUM = Range(high=1, open_high=True)


@dataclass(frozen=True, kw_only=True)
class StyleConfig:
    """Image generators (architecture stylegan); architectures pca and mocogan-hd take theirs from init."""

    pictures_from: Literal["store", "skies"] = option("store", "the store, or painted skies", file_only=True)
    size: int = option(64, "side of the pictures, 4 times a power of two", Range(low=8), file_only=True)
    widths: tuple[int, ...] = option((64, 64, 48, 32, 16), "channels at the sides 4, 8, 16, ...", COUNT, file_only=True)
    latent: int = option(64, "numbers of z and of w; published 512", COUNT, file_only=True)
    mapping_layers: int = option(4, "of the mapping network; published 8", COUNT, file_only=True)
    noise: bool = option(True, "layers add noise; not for pictures without grain", file_only=True)
    diffaug: tuple[str, ...] = option(
        ("translation", "cutout"), "changes of all that a discriminator sees: colour, translation, cutout",
        file_only=True,
    )  # fmt: skip
    penalty_every: int = option(16, "iterations between two R1 penalties", COUNT, file_only=True)
    path_weight: float = option(0.0, "path length regularisation, published 2; 0 is off", file_only=True)
    path_every: int = option(8, "iterations between two of its steps", COUNT, file_only=True)
    momentum: float = option(0.0, "Adam's first decay, of all networks", MOMENTUM, file_only=True)


@dataclass(frozen=True, kw_only=True)
class MotionConfig:
    """Motion over an image generator (architectures pca and mocogan-hd), which itself is not trained."""

    codes: int = option(4096, "codes per iteration of architecture pca", COUNT, file_only=True)
    components: int = option(48, "principal components of w that motion uses; published 384 of 512", COUNT,
                             file_only=True)  # fmt: skip
    hidden: int = option(48, "width of the LSTM; published 384", COUNT, file_only=True)
    step_size: float = option(0.2, "lambda: largest step per frame, in standard deviations", POSITIVE, file_only=True)
    residual: bool = option(True, "add steps to the code before; else each frame's code stands alone", file_only=True)
    video_frames: int = option(16, "frames of a training clip", Range(low=2), file_only=True)
    frame_step: int = option(2, "footage frames between two of a clip", COUNT, file_only=True)
    domain: Literal["in", "cross"] = option(
        "in", "cross: motion_from or motion_store moves, data shows what pictures look like", file_only=True
    )
    motion_from: Literal["store", "skies"] = option("store", "where motion comes from; cross", file_only=True)
    motion_store: str = option("", "store of footage whose motion is learned; cross", file_only=True)
    g_steps: int = option(5, "steps of the motion generator per step of the discriminators", COUNT, file_only=True)
    d_video_width: int = option(16, "channels of the first layer of D_V; published 64", COUNT, file_only=True)
    judged_pool: int = option(1, "sides over which D_V and D_I see pixels averaged; published 1", COUNT, file_only=True)
    d_image_width: int = option(16, "channels of the first layer of D_I; published 64", COUNT, file_only=True)
    video_weight: float = option(1.0, "loss of D_V; 0 leaves D_V out", file_only=True)
    image_weight: float = option(1.0, "loss of D_I; 0 leaves D_I out", file_only=True)
    contrast_weight: float = option(2.0, "contrastive loss of D_I; cross", file_only=True)
    match_weight: float = option(1.0, "D_I's features of a frame follow those of the first one; cross", file_only=True)
    information_weight: float = option(1.0, "the motion's noise can be read off the LSTM", file_only=True)
    diversity_weight: float = option(0.0, "motions of one content go apart; published 0", file_only=True)
    diversity_reach: float = option(1.0, "far enough apart; 1 is as far as a walk can go", PROBABILITY, file_only=True)
    penalty_weight: float = option(10.0, "gradient penalty of D_V", file_only=True)
    queue: int = option(1024, "pictures that the contrastive loss compares with; published 4096", COUNT,
                        file_only=True)  # fmt: skip
    temperature: float = option(0.07, "of the contrastive loss", POSITIVE, file_only=True)
    key_decay: float = option(0.999, "of the averaged D_I that makes the queue", PROBABILITY, file_only=True)
