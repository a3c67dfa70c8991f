"""Which device and precision a request means, with stand-ins for devices that this machine does not have."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import torch
from torch import nn

from vs_tecogan import hardware
from vs_tecogan.engine import create_engine
from vs_tecogan.engine.create import make_engine
from vs_tecogan.engine.float32 import without_tf32
from vs_tecogan.engine.select import default_device, resolve_device, resolve_precision
from vs_tecogan.errors import EngineError

from .test_engine import frames, run, tiny_model

Listing = Callable[..., None]


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listing]:
    """Make torch list devices: ``listed(cuda=1, xpu=2, broken={"cuda:0": "too old"})``."""

    def pretend(broken: dict[str, str] | None = None, **counts: int) -> None:
        monkeypatch.setattr(hardware, "count", lambda kind: counts.get(kind, 0))
        monkeypatch.setattr(hardware, "trouble", lambda place: (broken or {}).get(place, ""))

    default_device.cache_clear()
    yield pretend
    default_device.cache_clear()


def test_default(listed: Listing) -> None:
    """Would catch a GPU of another maker that stays idle, or one that is preferred to NVIDIA's."""
    for counts, device in (
        ({"cuda": 2, "xpu": 1}, "cuda:0"),
        ({"xpu": 1}, "xpu:0"),
        ({"mps": 1}, "mps"),
        ({}, "cpu"),
    ):
        default_device.cache_clear()
        listed(**counts)
        assert resolve_device(None) == device


def test_a_gpu_that_does_not_work(listed: Listing, caplog: pytest.LogCaptureFixture) -> None:
    """Would catch a render that fails, or is slow without a word, where torch lists a card that it cannot use."""
    listed(cuda=1, broken={"cuda:0": "no kernel image is available"})
    assert resolve_device(None) == resolve_device(None) == "cpu"
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 1 and "cuda:0 does not work" in warnings[0] and "no kernel image" in warnings[0]
    with pytest.raises(EngineError, match=r"'cuda:0' does not work with this torch .no kernel image"):
        resolve_device("cuda")


def test_asked_for(listed: Listing) -> None:
    """Would catch a name that means another device, and a missing one that is not said to be missing."""
    listed(cuda=2, xpu=1)
    assert [resolve_device(name) for name in ("cpu", "cuda", "cuda:1", "xpu", "xpu:0")] == [
        "cpu", "cuda:0", "cuda:1", "xpu:0", "xpu:0"
    ]  # fmt: skip
    for name, words in (
        ("cuda:2", "the last is cuda:1"),
        ("xpu:1", "the last is xpu:0"),
        ("mps", "finds no Apple GPU"),
        ("mps:0", "is not known"),
        ("hip", "is not known"),
    ):
        with pytest.raises(EngineError, match=words):
            resolve_device(name)


@pytest.mark.parametrize(
    ("capability", "precision"),
    [((5, 2), "fp32"), ((6, 0), "fp16"), ((6, 1), "fp32"), ((7, 5), "fp16"), ((9, 0), "fp16")],
)
def test_precision_of_cards(capability: tuple[int, int], precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch half floats on Pascal's consumer cards, which compute them at a sixty-fourth of the speed."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert resolve_precision("cuda:0", "auto")[0] == precision


def test_precision_elsewhere() -> None:
    """Would catch asking CUDA about another maker's device."""
    assert resolve_precision("xpu:0", "auto")[0] == "fp16"
    assert resolve_precision("mps", "auto")[0] == "fp32"


def test_trouble_is_found_by_computing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a probe that never runs a kernel, or lets a driver's error out."""
    hardware.trouble.cache_clear()
    assert hardware.trouble("cpu") == ""
    assert hardware.trouble("meta")  # a device of torch's that does not compute
    hardware.trouble.cache_clear()
    monkeypatch.setattr(hardware.F, "conv2d", lambda *_: torch.zeros(1))
    assert hardware.trouble("cpu") == "it computes wrong sums"
    hardware.trouble.cache_clear()


@pytest.mark.parametrize("place", ["xpu:0", "mps"])
def test_other_devices_run_torchs_operators(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch an engine that takes every device beside the CPU for NVIDIA's.

    The stand-in's tensors lie on the CPU; its name is all that is foreign.
    """
    moved: list[object] = []

    def stay(self: torch.Tensor, *args: object, **kwargs: object) -> torch.Tensor:
        moved.extend(value for value in (*args, kwargs.get("device")) if value == place)
        keep = [value for value in args if value != place]
        kwargs.pop("device", None)
        return original(self, *keep, **kwargs) if keep or kwargs else self

    original = torch.Tensor.to
    model, clip = tiny_model(), frames(3)
    expected = run(create_engine(model, device="cpu", precision="fp32"), clip)
    monkeypatch.setattr(torch.Tensor, "to", stay)
    monkeypatch.setattr(nn.Module, "to", lambda self, **_: self)
    outputs = run(make_engine(model.network, place, "fp32"), clip)
    assert moved  # frames were sent to the device
    for mine, reference in zip(outputs, expected, strict=True):
        torch.testing.assert_close(torch.from_numpy(mine), torch.from_numpy(reference), atol=1e-4, rtol=0)


def test_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a size that is asked of CUDA for every device, and an error where nobody tells."""
    assert hardware.memory("cpu") > 1 << 28
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 8 << 30)
    assert hardware.memory("mps") == 8 << 30
    monkeypatch.delattr(torch.mps, "recommended_max_memory")
    assert hardware.memory("mps") == 16 << 30


def test_float32_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch TF32, torch's default for convolutions on NVIDIA's cards, in what is asked for as fp32."""
    flags: list[bool] = []
    original = torch.ops.aten._convolution.default

    class Spy:
        def default(self, *arguments: object) -> torch.Tensor:
            flags.append(bool(arguments[-1]))
            return original(*arguments)

    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1))
    image = torch.rand(1, 3, 9, 10)
    with torch.no_grad():
        expected = layers(image)
        without_tf32(layers)
        with suppress(AttributeError):
            monkeypatch.setattr(torch.ops.aten, "_convolution", Spy())
        assert torch.equal(layers(image), expected)
    assert flags == [False, False]
