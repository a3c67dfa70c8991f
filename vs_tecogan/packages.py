"""Packages of the optional extras: what each is for, and the name that pip knows it by."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True, kw_only=True)
class Optional:
    """A package that only a part of this project needs."""

    name: str
    """By which it is imported."""
    pip: str
    """By which it is installed."""
    use: str
    """What does not work without it."""


OPTIONAL = (
    Optional(
        name="cv2", pip="opencv-python-headless", use="prepare, train, evaluate, clip functions psnr, tof and tdiff"
    ),
    Optional(name="h5py", pip="h5py", use="perceptual networks from Keras files"),
    Optional(name="PIL", pip="pillow", use="pictures of train and evaluate"),
    Optional(
        name="tensorboard", pip="tensorboard", use="TensorBoard files of train; --set tensorboard=false leaves them out"
    ),
    Optional(name="lpips", pip="lpips", use="evaluate with LPIPS"),
    Optional(name="torchvision", pip="torchvision", use="evaluate with LPIPS"),
    Optional(name="ray", pip="ray", use="upscale --cluster"),
    Optional(name="scipy", pip="scipy", use="NIQE with its published parameters"),
)


def missing() -> list[Optional]:
    """Those that are not installed."""
    return [package for package in OPTIONAL if not is_installed(package.name)]


def is_installed(name: str) -> bool:
    """Whether a package can be found, without loading it."""
    return find_spec(name) is not None


def how_to_install(name: str) -> str:
    """What to type for a package."""
    return f"pip install {next((package.pip for package in OPTIONAL if package.name == name), name)}"
