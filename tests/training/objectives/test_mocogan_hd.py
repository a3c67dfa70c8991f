"""MoCoGAN-HD in training: pictures, components and motion, in-domain and across domains, from nothing to a model."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch

from vs_tecogan.errors import TrainingError
from vs_tecogan.networks import StyleGenerator, VideoGenerator
from vs_tecogan.training.config import Config, check
from vs_tecogan.training.data.footage import ClipShape, from_skies, from_store
from vs_tecogan.training.data.opened import open_store
from vs_tecogan.training.data.samples import SampleIndex
from vs_tecogan.training.data.store import Store
from vs_tecogan.training.objectives import objective_of
from vs_tecogan.training.objectives.judges import pooled
from vs_tecogan.training.objectives.mocogan_hd import MocoGanHd
from vs_tecogan.training.objectives.motion_scores import change_of_data, colour_curve, colour_drift, motion_scores
from vs_tecogan.training.objectives.pca import CodePca
from vs_tecogan.training.objectives.stylegan import StyleGan
from vs_tecogan.training.recipe import read_recipe, run_recipe
from vs_tecogan.training.run.export import export
from vs_tecogan.training.run.loop import train
from vs_tecogan.weights import ModelCard, load_model, save_model

from ..conftest import batch_of, options

CPU = torch.device("cpu")
SHAPE = "size=16 widths=[8,8,4] latent=6 mapping_layers=2 components=4 hidden=5 video_frames=4 queue=8"
SKIES = f"--set pictures_from=skies {SHAPE} d_video_width=4 d_image_width=4 codes=64"


def settings(architecture: str, more: str = "") -> Config:
    return options(f"{SKIES} architecture={architecture} {more}")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of architecture pca."""
    folder = tmp_path_factory.mktemp("begun")
    pca = CodePca(settings("pca"), CPU)
    for iteration in range(2):
        pca.step((pca.dataset(open_store(pca.config))[SampleIndex(iteration, 0, 1)][0][None],))
    save_model(folder / "m.safetensors", pca.network, ModelCard(name="m", spec=pca.network.spec))
    return folder / "m.safetensors"


def test_components_do_not_depend_on_where_a_run_was_stopped(begun: Path) -> None:
    """Would catch sums that a checkpoint loses, or codes counted twice."""
    one = CodePca(settings("pca"), CPU)
    samples = one.dataset(open_store(one.config))
    one.step((samples[SampleIndex(0, 0, 1)][0][None],))
    other = CodePca(settings("pca"), CPU)
    other.load_state_dict(deepcopy(one.state_dict()))
    other.step((samples[SampleIndex(1, 0, 1)][0][None],))
    made, expected = other.network, load_model(begun).network
    assert isinstance(expected, VideoGenerator)
    torch.testing.assert_close(made.motion.basis, expected.motion.basis)
    with torch.no_grad():
        codes = made.image.mapping(torch.cat([samples[SampleIndex(k, 0, 1)][0] for k in range(2)]))
    torch.testing.assert_close(made.image.centre, codes.mean(0))
    along = (codes - codes.mean(0)) @ made.motion.basis.T
    torch.testing.assert_close(made.motion.deviation, along.std(0, correction=0), rtol=1e-3, atol=1e-4)


def test_each_side_of_the_image_generator_moves_its_own_weights() -> None:
    """Would catch a generator's step that moves the discriminator, or one that moves nothing; the average follows."""
    config = settings("stylegan", "--d-lr 0 --ema 0.5 --set path_weight=2 --set r1_weight=1")
    objective = StyleGan(config, CPU)
    samples = objective.dataset(open_store(config))
    batch = objective.to_batch((torch.stack([samples[SampleIndex(0, k, 1)][0] for k in range(4)]),))
    assert batch.real.shape == (4, 3, 16, 16) and -1 <= float(batch.real.min()) < float(batch.real.max()) <= 1
    d, g = deepcopy(objective.discriminator.state_dict()), deepcopy(objective.network.state_dict())
    metrics = objective.step(batch)
    assert {"discriminator", "r1", "adversarial", "path"} <= metrics.keys()
    assert all(torch.equal(d[key], value) for key, value in objective.discriminator.state_dict().items())
    assert not torch.equal(g["layers.0.conv.conv.weight"], objective.network.state_dict()["layers.0.conv.conv.weight"])


@pytest.mark.parametrize(
    ("more", "terms"),
    [
        ("", {"d_video", "d_penalty", "d_image", "video", "image", "information"}),
        ("domain=cross motion_from=skies", {"d_video", "d_image", "d_contrast", "video", "image", "match"}),
        ("video_weight=0 penalty_weight=0 information_weight=0", {"d_image", "image"}),
        ("image_weight=0", {"d_video", "video"}),
        ("residual=false", {"d_video", "video", "d_image", "image"}),
        ("diversity_weight=2 judged_pool=2", {"d_video", "video", "d_image", "image", "diversity"}),
    ],
)
def test_a_step_moves_the_motion_and_never_the_pictures(begun: Path, more: str, terms: set[str]) -> None:
    """Would catch a frozen generator that thaws, a variant that cannot step, or terms that an ablation keeps."""
    objective = MocoGanHd(settings("mocogan-hd", f"{more} --lr 1e-2 --ema 0.5 --init {begun}"), CPU)
    assert float(objective.video.motion.deviation.min()) > 0
    before = deepcopy(objective.video.state_dict())
    metrics = objective.step(batch_of(objective, 4))
    assert terms <= metrics.keys()
    assert ("d_video" in metrics) == ("video" in terms) and ("d_image" in metrics) == ("image" in terms)
    after = objective.video.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before if not key.startswith("motion."))
    assert not torch.equal(before["motion.head.weight"], after["motion.head.weight"])
    assert "d_video" not in objective.step(batch_of(objective, 4)), "discriminators step every fifth time"


def test_information_is_learned(begun: Path) -> None:
    """Would catch a sign: H learns to read the noise."""
    objective = MocoGanHd(settings("mocogan-hd", f"--init {begun} --lr 3e-2 --batch 8"), CPU)
    batch = batch_of(objective, 4)
    history = [objective.step(batch)["information"] for _ in range(20)]
    assert np.mean(history[-4:]) < np.mean(history[:4]) - 0.05


def test_motions_go_apart(begun: Path) -> None:
    """Would catch a sign, and a spread of codes that no noise reaches."""
    quiet = "video_weight=1e-6 penalty_weight=0 image_weight=0 information_weight=0 diversity_weight=1"
    objective = MocoGanHd(settings("mocogan-hd", f"{quiet} --init {begun} --lr 3e-2 --batch 8"), CPU)
    batch = batch_of(objective, 4)
    history = [-objective.step(batch)["diversity"] for _ in range(20)]
    assert history[0] >= 0 and 2 * history[0] < history[-1] <= 1


def test_judges_see_means(begun: Path) -> None:
    """Would catch averages over time, and a judge that is still shown every pixel."""
    objective = MocoGanHd(settings("mocogan-hd", f"judged_pool=4 --init {begun}"), CPU)
    clips = torch.rand(2, 3, 3, 16, 16)
    small = pooled(clips, 4)
    assert small.shape == (2, 3, 3, 4, 4)
    torch.testing.assert_close(small[1, 2, 0, 3, 1], clips[1, 2, 0, 12:, 4:8].mean())
    assert objective.clip_judge is not None and objective.pair_judge is not None
    assert objective.clip_judge.seen(clips).shape == (2, 6, 2, 4, 4)
    assert objective.pair_judge.seen(clips).shape == (2, 6, 4, 4)


def test_a_state_goes_on_as_if_never_stopped(begun: Path) -> None:
    """Would catch a judge, a queue or an average that is not part of the state."""
    config = settings("mocogan-hd", f"domain=cross motion_from=skies g_steps=1 --ema 0.9 --init {begun}")
    one, other = MocoGanHd(config, CPU), MocoGanHd(config, CPU)
    batch = batch_of(one, 4)
    one.step(batch)
    other.load_state_dict(deepcopy(one.state_dict()))
    for objective in (one, other):
        torch.manual_seed(5)
        objective.step(batch)
    states = (one.state_dict(), other.state_dict())
    for part in ("video", "average", "judges"):
        assert all(torch.equal(value, states[1][part][key]) for key, value in states[0][part].items()), part
    assert torch.equal(states[0]["contrast"]["queue"], states[1]["contrast"]["queue"])


def test_footage(store: Path) -> None:
    """Would catch frames out of step, squares that leave the frame, or skies of the held-out seeds."""
    shape = ClipShape(size=16, frames=3, step=2)
    clip = from_store(Store(store), shape)(np.random.default_rng(1))
    assert clip.shape == (3, 16, 16, 3) and clip.dtype == np.uint8
    sky = from_skies(shape)(np.random.default_rng(1))
    assert sky.shape == (3, 16, 16, 3)
    assert not np.array_equal(sky, from_skies(shape, held_out=True)(np.random.default_rng(1)))
    with pytest.raises(TrainingError, match="no train clip has 91 frames"):
        from_store(Store(store), ClipShape(size=16, frames=10, step=10))


def test_scores_of_what_is_known() -> None:
    """Would catch distances over the wrong axis, or a first frame that counts as motion."""
    contents, motions = np.array([0, 51])[:, None], np.array([0, 10])[None]
    clips = [[np.full((3, 2, 2, 3), 0, np.uint8) for _ in range(2)] for _ in range(2)]
    for c in range(2):
        for m in range(2):
            clips[c][m][...] = contents[c, 0]
            clips[c][m][1:] += np.uint8(motions[0, m])
    scores = motion_scores(clips)
    assert scores.between == pytest.approx(100 * 0.2 * 3**0.5)
    assert scores.within == pytest.approx(100 * 3**0.5 * (10 / 255) * 2 / 3)
    assert scores.diversity == pytest.approx(5)
    assert change_of_data([clips[0][0], clips[0][1]]) == pytest.approx(5)
    assert colour_drift(clips[0], 2) == pytest.approx(100 * 3**0.5 * 5 / 255)
    assert colour_curve([clips[0][0]], [0, 2]) == [1.0, 1.0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("architecture=stylegan size=32", "widths \\(8, 8, 4\\); expected 4 numbers for size 32"),
        ("architecture=stylegan diffaug=['rotation']", "diffaug rotation; expected some of colour"),
        ("architecture=stylegan --discriminator ds", "which has its own"),
        ("architecture=mocogan-hd motion_from=skies", "are for domain cross"),
        ("architecture=mocogan-hd domain=cross", "say where motion comes from"),
        ("architecture=mocogan-hd video_weight=0 image_weight=0", "nothing would judge"),
    ],
)
def test_settings_that_contradict_themselves(words: str, message: str) -> None:
    """Would catch a setting that is silently ignored."""
    with pytest.raises(TrainingError, match=message):
        check(options(f"{SKIES} {words}"), 1)


def test_motion_needs_components(tmp_path: Path) -> None:
    """Would catch motion over an image generator whose components nobody has found."""
    config = settings("stylegan", "--iterations 1")
    assert train(config, tmp_path / "run")
    card = export(tmp_path / "run", tmp_path / "m.safetensors")
    assert isinstance(load_model(tmp_path / "m.safetensors").network, StyleGenerator)
    assert card.data == "painted skies of our own" and "16x16" in card.description
    assert "1 iterations of 2 x 1 frames of 16 x 16 pixels" in card.training
    with pytest.raises(TrainingError, match="expected the model of architecture pca"):
        objective_of(settings("mocogan-hd", f"--init {tmp_path / 'm.safetensors'}"), CPU)


def test_a_recipe_from_nothing_to_video(tmp_path: Path) -> None:
    """Would catch stages that do not fit together, an evaluation that fails, or a card that does not come back."""
    common = """
[stage.data]
batch = 2
workers = 0
[stage.style]
pictures_from = "skies"
size = 16
widths = [8, 8, 4]
latent = 6
mapping_layers = 2
[stage.motion]
components = 4
hidden = 5
codes = 64
video_frames = 4
d_video_width = 4
d_image_width = 4
[stage.loop]
iterations = 1
eval_every = 1
eval_clips = 2
tensorboard = false
device = "cpu"
precision = "fp32"
[stage.model]
"""
    stages = (f'[[stage]]\nname = "{n}"\n{common}architecture = "{n}"\n' for n in ("stylegan", "pca", "mocogan-hd"))
    path = tmp_path / "tiny.toml"
    path.write_text("".join(stages))
    made = run_recipe(read_recipe(path), {}, tmp_path / "out")
    assert made is not None
    network = load_model(made).network
    assert isinstance(network, VideoGenerator) and network.spec.image.widths == (8, 8, 4)
    assert float(network.motion.deviation.min()) > 0
