"""Space-to-depth and back in TensorFlow's channel order, which every published TecoGAN uses."""

from torch import Tensor


def space_to_depth(image: Tensor, scale: int) -> Tensor:
    """Fold each ``scale`` x ``scale`` cell into channels.

    Output channel ``(dy * scale + dx) * C + c`` holds channel ``c`` at offset ``(dy, dx)`` of the cell. Note that
    ``torch.nn.functional.pixel_unshuffle`` orders them differently.

    :param image: (N, C, scale * H, scale * W).
    :return:      (N, scale**2 * C, H, W), same dtype.
    """
    n, c, h, w = image.shape
    cells = image.reshape(n, c, h // scale, scale, w // scale, scale)
    return cells.permute(0, 3, 5, 1, 2, 4).reshape(n, scale * scale * c, h // scale, w // scale)


def depth_to_space(folded: Tensor, scale: int) -> Tensor:
    """Undo :func:`space_to_depth`.

    :param folded: (N, scale**2 * C, H, W).
    :return:       (N, C, scale * H, scale * W), same dtype.
    """
    n, c, h, w = folded.shape
    colours = c // (scale * scale)
    cells = folded.reshape(n, scale, scale, colours, h, w)
    return cells.permute(0, 3, 4, 1, 5, 2).reshape(n, colours, h * scale, w * scale)
