"""Distances by networks: LPIPS, SqueezeNet, NIQE's pristine model, FVD."""

import urllib.error
from pathlib import Path

import numpy as np
import pytest

from vs_tecogan.errors import MetricsError
from vs_tecogan.metrics import NotMeasured
from vs_tecogan.metrics.fvd import LENGTHS, FvdObserver, frechet_distance
from vs_tecogan.metrics.lpips import lpips_distance
from vs_tecogan.metrics.niqe import asymmetric_gaussian, halved, load_parameters, niqe, niqe_metric
from vs_tecogan.metrics.squeeze import squeeze_distance

from .conftest import Frames, noisy, texture


def test_lpips_against_its_definition(tmp_path: Path) -> None:
    """A trunk of the wrong layers, inputs in another range, heads that are not LPIPS' own, a trunk alone refused."""
    lpips, torchvision = pytest.importorskip("lpips"), pytest.importorskip("torchvision")
    torch = pytest.importorskip("torch")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        alexnet = torchvision.models.alexnet(weights=None).eval()
    state = alexnet.state_dict()
    torch.save(state, tmp_path / "alexnet.pth")
    # The trunk alone is enough: the classifier has nineteen of twenty parameters and no part in it.
    trunk = {key: value for key, value in state.items() if key.startswith("features.")}
    torch.save(trunk, tmp_path / "features.pth")
    heads = torch.load(Path(lpips.__file__).parent / "weights/v0.1/alex.pth", "cpu", weights_only=True)
    a, b = texture(70, 90), texture(70, 90, seed=1)

    def features(picture: np.ndarray) -> list:
        shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
        values = (torch.from_numpy(picture).float() / 127.5 - 1 - shift) / scale
        values, taken = values.permute(2, 0, 1)[None], []
        for index, layer in enumerate(alexnet.features):
            values = layer(values)
            if index in (1, 4, 7, 9, 11):
                taken.append(values / (values.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return taken

    with torch.inference_mode():
        expected = sum(
            float((heads[f"lin{k}.model.1.weight"] * (x - y).square()).sum(1).mean())
            for k, (x, y) in enumerate(zip(features(a), features(b), strict=True))
        )
    for name in ("alexnet.pth", "features.pth"):
        assert lpips_distance(tmp_path / name)(a, b) == pytest.approx(expected, rel=1e-4)


def test_lpips_is_not_measured_without_weights(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another number under LPIPS' name where its weights cannot be had; a downloader's chatter on stdout."""
    lpips = pytest.importorskip("lpips")

    def offline(**_: object) -> None:
        print("Downloading ...")
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(lpips, "LPIPS", offline)
    with pytest.raises(NotMeasured, match=r"no network.*alexnet-owt-7be5be79\.pth"):
        lpips_distance()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [None, b"", b"not weights"])
def test_wrong_files_are_refused(tmp_path: Path, content: bytes | None) -> None:
    """A traceback, or a metric that is silently left out, for a file that the user named."""
    pytest.importorskip("lpips")
    file = tmp_path / "file.bin"
    if content is not None:
        file.write_bytes(content)
    for use in (lpips_distance, squeeze_distance, niqe_metric, FvdObserver):
        with pytest.raises(MetricsError, match=r"file\.bin"):
            use(file)


def test_squeeze_distance(shared: Path, truth: Frames) -> None:
    """A distance that is no distance: zero for equal pictures alone, symmetric, larger for more noise."""
    pytest.importorskip("h5py")
    distance = squeeze_distance(shared / "data/perceptual/squeezenet1.1_notop.h5")
    little, much = (noisy(truth[:1], amount)[0] for amount in (4, 40))
    assert distance(truth[0], truth[0]) == pytest.approx(0, abs=1e-9)
    assert distance(little, truth[0]) == pytest.approx(distance(truth[0], little), rel=1e-5)
    assert 0 < distance(little, truth[0]) < distance(much, truth[0]) < 2


def picture_for_niqe() -> np.ndarray:
    """Waves and noise, 300x200."""
    y, x = np.mgrid[0:200, 0:300]
    noise = np.random.default_rng(5).normal(0, 12, (200, 300))
    return np.rint(np.clip(128 + 50 * np.sin(x / 9) * np.cos(y / 13) + noise, 0, 255))


def test_niqe_against_another_implementation() -> None:
    """Any other feature, window or order: BasicSR 1.4.2 gives 15.57331855 for this picture and this model."""
    value = niqe(picture_for_niqe(), np.linspace(0.5, 2, 36), np.diag(np.linspace(0.1, 1, 36)))
    assert value == pytest.approx(15.57331855, rel=1e-6)


def test_asymmetric_gaussian_fit() -> None:
    """A fit that does not find the shape and the scales of samples drawn from the distribution."""
    rng = np.random.default_rng(0)
    gaussian = rng.normal(0, 3, 200_000)
    shape, left, right = asymmetric_gaussian(gaussian)
    assert (shape, left, right) == pytest.approx((2, 3 * 2**0.5, 3 * 2**0.5), rel=0.02)
    laplace = rng.exponential(1, 200_000) * np.where(rng.uniform(size=200_000) < 2 / 3, 2, -1)
    shape, left, right = asymmetric_gaussian(laplace)
    assert (shape, left, right) == pytest.approx((1, 1, 2), rel=0.03)


def test_halved_against_the_degradation() -> None:
    """Another half-size than MATLAB's antialiased bicubic, which the trainer has as the BI degradation."""
    from vs_tecogan.degrade import BicubicDown

    picture = texture(40, 52).astype(np.float32)
    margin = BicubicDown(quantise=False).margin(2)
    padded = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), mode="symmetric") / 255
    expected = BicubicDown(quantise=False)(padded[None], 2, np.random.default_rng(0))[0] * 255
    own = np.dstack([halved(picture[..., k].astype(np.float64)) for k in range(3)])
    np.testing.assert_allclose(np.clip(own, 0, 255), expected, atol=1e-3)


def test_niqe_parameters(tmp_path: Path) -> None:
    """A parameter file with other names or sizes taken for the published one; a picture too small for two blocks."""
    good, bad = tmp_path / "good.npz", tmp_path / "bad.npz"
    np.savez(good, mu_pris_param=np.zeros((1, 36)), cov_pris_param=np.eye(36))
    np.savez(bad, mu_pris_param=np.zeros((1, 18)), cov_pris_param=np.eye(36))
    mean, covariance = load_parameters(good)
    assert (mean.shape, covariance.shape) == ((36,), (36, 36))
    with pytest.raises(MetricsError, match="36 features"):
        load_parameters(bad)
    with pytest.raises(MetricsError, match="112x96"):
        niqe_metric(good)(texture(96, 112))


def test_frechet_distance_against_scipy() -> None:
    """A trace term that only holds for commuting or full-rank covariances."""
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(40, 6)), rng.normal(size=(30, 6)) @ rng.normal(size=(6, 6)) + 1
    covariances = [np.cov(x, rowvar=False) for x in (a, b)]
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(a[:5], a[:5]) == pytest.approx(0, abs=1e-9)
    with pytest.raises(MetricsError, match="there are 1"):
        frechet_distance(a[:1], b)


@pytest.mark.parametrize("length", [16, 20])
def test_fvd_observer(tmp_path: Path, length: int) -> None:
    """Clips of another length, across two videos, in another order or range, or results taken for references."""
    torch = pytest.importorskip("torch")
    source = (
        "def forward(self, x, rescale: bool, resize: bool, return_features: bool):\n"
        "    assert x.size(0) == 1 and x.size(1) == 3 and x.size(2) == LENGTH\n"
        "    assert rescale and resize and return_features\n"
        "    return x.mean([3, 4]).reshape(1, -1)\n"
    ).replace("LENGTH", str(length))
    assert LENGTHS == {"fvd": 16, "fvd128": 128}
    module = type(f"I3d{length}", (torch.jit.ScriptModule,), {})()
    module.define(source)
    module.save(str(tmp_path / "i3d.pt"))
    observer = FvdObserver(tmp_path / "i3d.pt", length)
    rng = np.random.default_rng(0)
    videos = rng.integers(0, 256, (3, 40, 4, 4, 3), np.uint8)
    for video in videos:
        observer.next_pair()
        for n, frame in enumerate(video):
            observer.frame(n, frame, frame // 2, {})
    assert observer.clips == 6
    clips = [video[k : k + length] for video in videos for k in (0, length)]
    sets = [
        np.array([c.mean(axis=(1, 2), dtype=float).T.ravel() for c in side])
        for side in (clips, [c // 2 for c in clips])
    ]
    assert observer.distance() == pytest.approx(frechet_distance(*sets), rel=1e-4)
