"""One optimisation step: gradients go where they must, the gate obeys its rule, nothing is updated on a NaN."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from vs_tecogan.networks import Dialect, Generator, GeneratorSpec
from vs_tecogan.networks.feature_discriminator import feature_scales
from vs_tecogan.networks.perceptual import FeatureNet
from vs_tecogan.ops import backward_warp
from vs_tecogan.training.config import Config, OptimiserConfig
from vs_tecogan.training.data.build import build_samples
from vs_tecogan.training.data.samples import SampleIndex, Samples
from vs_tecogan.training.data.store import Store
from vs_tecogan.training.objectives.base import NotFiniteError
from vs_tecogan.training.objectives.frvsr import Frvsr
from vs_tecogan.training.objectives.losses import (
    discriminator_adversarial,
    generator_adversarial,
    perceptual_loss,
    temporal_loss,
)
from vs_tecogan.training.objectives.networks import build_spec
from vs_tecogan.training.objectives.rollout import (
    Rollout,
    SequenceBatch,
    perceptual_term,
    perceptual_views,
    regression_terms,
    roll_out,
    to_sequence_batch,
)
from vs_tecogan.training.objectives.tecogan import Gate, TecoGan
from vs_tecogan.training.rates import learning_rate

from ..conftest import options, vgg16_state

CPU = torch.device("cpu")
PUBLISHED = "--discriminator dst --ping-pong-weight 0.5"


def batch_of(config: Config, store: Path, iteration: int = 0) -> SequenceBatch:
    """The samples of one iteration as one batch."""
    frames = int(config.data.frames[0])
    data = Samples(Store(store), build_samples(config), frames)
    drawn = [data[SampleIndex(iteration, position, frames)] for position in range(config.data.batch)]
    return to_sequence_batch(tuple(torch.stack(items) for items in zip(*drawn, strict=True)), CPU)


def weights(module: torch.nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in module.parameters()]


def moved(module: torch.nn.Module, before: list[Tensor]) -> bool:
    return any(not torch.equal(p, q) for p, q in zip(module.parameters(), before, strict=True))


def test_gate_follows_its_rule() -> None:
    """EMA of decay .99 from zero, compared after the update: opens below the threshold, closes above, opens again."""
    gate, average, seen = Gate(0.4), 0.0, []
    for lead in [2.0] * 30 + [0.0] * 30:
        average = 0.99 * average + 0.01 * lead
        assert gate.update(lead) == (average < 0.4)
        seen.append(average < 0.4)
    assert seen[0]
    assert False in seen
    assert seen[-1]
    assert Gate(0.0).update(100.0), "threshold 0 steps D always"


@pytest.mark.parametrize(("average", "opened"), [(0.0, True), (10.0, False)])
def test_discriminator_is_stepped_only_through_an_open_gate(store: Path, average: float, opened: bool) -> None:
    """Would catch a gate that is computed but not obeyed; the generator is stepped either way."""
    config = options(PUBLISHED)
    learner = TecoGan(config, CPU)
    learner.gate.average = average
    d, g = weights(learner.discriminators), weights(learner.generator)
    metrics = learner.step(batch_of(config, store))
    assert metrics["gate_open"] == opened
    assert moved(learner.discriminators, d) == opened
    assert moved(learner.generator, g)


def test_shared_pass_gives_the_gradients_of_separate_passes(store: Path) -> None:
    """One forward of D on generated input serves both sides; each side's gradient must be as if computed alone."""
    config = options("--discriminator dst --ping-pong-weight 0.5 --set feature_weight=0")
    learner = TecoGan(config, CPU)
    batch = batch_of(config, store)
    for optimiser in (learner.optimiser, learner.d_optimiser):
        optimiser.step = lambda *_, **__: None  # type: ignore[method-assign]
    learner.step(batch)
    generator, network = learner.generator, learner.discriminators.networks["dst"]

    rollout = roll_out(generator, batch, mirrored=True)
    ((_, real, fake),) = learner.discriminators.inputs(rollout, generator)
    d_loss = discriminator_adversarial(network(fake.detach())[0], network(real)[0])
    expected = torch.autograd.grad(d_loss, list(network.parameters()))
    for p, e in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(p.grad, e, rtol=1e-3, atol=1e-6)

    terms = learner.terms(rollout)
    g_loss = sum(terms.values()) + 0.01 * generator_adversarial(network(fake)[0])
    expected = torch.autograd.grad(g_loss, list(generator.parameters()))
    for p, e in zip(generator.parameters(), expected, strict=True):
        torch.testing.assert_close(p.grad, e, rtol=1e-3, atol=1e-6)


def test_projected_gives_the_gradients_of_separate_passes(store: Path, tmp_path: Path) -> None:
    """As above for the discriminator on features; would also catch that of the frozen network being trained."""
    weights = tmp_path / "vgg16.safetensors"
    save_file(vgg16_state(), weights)
    projected = "discriminator=projected normalisation=none perceptual_frames=2 fade_in=0"
    config = options(f"--perceptual-net {weights} --set {projected}")
    learner = TecoGan(config, CPU)
    batch = batch_of(config, store)
    for optimiser in (learner.optimiser, learner.d_optimiser):
        optimiser.step = lambda *_, **__: None  # type: ignore[method-assign]
    metrics = learner.step(batch)
    generator, network = learner.generator, learner.discriminators.networks["projected"]
    learner.iteration = 0

    views = learner.views(roll_out(generator, batch, mirrored=False))
    assert views is not None
    scales = feature_scales(views.real)
    fake, real = network(views.fake, scales), network(views.real, scales)
    assert fake.shape[:2] == (2 * config.data.batch, 4)
    expected = torch.autograd.grad(discriminator_adversarial(fake, real), list(network.parameters()), retain_graph=True)
    for p, e in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(p.grad, e, rtol=1e-3, atol=1e-6)
    assert metrics["adversarial_projected"] == pytest.approx(
        0.01 * float(generator_adversarial(fake.detach())), rel=1e-4
    )
    assert learner.features is not None and all(p.grad is None for p in learner.features.parameters())


def test_both_kinds_of_discriminator_learn_in_one_step(store: Path, tmp_path: Path) -> None:
    """Would catch one of the two that is left out, and a penalty that wants pixels of the one on features."""
    weights_file = tmp_path / "vgg16.safetensors"
    save_file(vgg16_state(), weights_file)
    both = "discriminator=dst-projected normalisation=none perceptual_frames=1 r1_weight=0.01"
    config = options(f"--perceptual-net {weights_file} --set {both}")
    learner = TecoGan(config, CPU)
    networks = learner.discriminators.networks
    before = {name: weights(networks[name]) for name in ("dst", "projected")}
    metrics = learner.step(batch_of(config, store))
    assert {"adversarial_dst", "adversarial_projected", "penalty"} <= metrics.keys()
    assert all(moved(networks[name], kept) for name, kept in before.items())


@pytest.mark.parametrize(("every", "seen"), [(4, True), (8, True), (5, False)])
def test_checkerboard_weight_sees_one_and_two_steps_of_the_lr_grid(every: int, seen: bool) -> None:
    """Would catch a term of the wrong period at another scale, or one that no weight turns on."""
    hr = torch.rand(1, 2, 3, 128, 128)
    pattern = (torch.arange(128) % every == 0).float() - 1 / every
    rollout = Rollout(torch.rand(1, 2, 3, 32, 32), hr, hr + 0.1 * pattern, torch.zeros(1, 1, 2, 32, 32), mirrored=False)
    generator = Generator()
    terms = regression_terms(rollout, generator, options("--checkerboard-weight 100").objective)
    power = 100 * float((0.1 * pattern).square().mean())
    assert float(terms["checkerboard"]) == pytest.approx(power if seen else 0, rel=1e-2, abs=0 if seen else power / 20)
    assert "checkerboard" not in regression_terms(rollout, generator, options("").objective)


def test_temporal_weight_follows_the_flow() -> None:
    """Would catch a flow of the wrong sign or scale: an error that moves with the picture must cost nothing."""
    generator = Generator()
    wide = torch.rand(1, 3, 128, 160)
    errors = torch.stack([wide[..., 8 * k : 8 * k + 128] for k in (0, 1, 2)], 1)  # two LR pixels to the left a frame
    hr = torch.rand(1, 3, 3, 128, 128)
    flows = torch.zeros(1, 2, 2, 32, 32)
    flows[:, :, 0] = 2

    def term(flows: torch.Tensor) -> float:
        rollout = Rollout(torch.rand(1, 3, 3, 32, 32), hr, hr + errors, flows, mirrored=False)
        return float(regression_terms(rollout, generator, options("--temporal-weight 3").objective)["temporal"])

    assert term(flows) < 0.1 * term(torch.zeros_like(flows))
    assert term(-flows) > 0.5 * term(torch.zeros_like(flows))


@pytest.mark.parametrize("dialect", list(Dialect))
def test_temporal_weight_moves_errors_as_the_generator_moves_frames(dialect: Dialect) -> None:
    """Would catch a flow that is enlarged in another way than the recurrence enlarges it."""
    generator = Generator(GeneratorSpec(dialect=dialect))
    hr, outputs = torch.rand(2, 1, 2, 3, 64, 64)
    flows = 3 * torch.randn(1, 1, 2, 16, 16)
    rollout = Rollout(torch.rand(1, 2, 3, 16, 16), hr, outputs, flows, mirrored=False)
    before, after = (outputs - hr)[0]
    expected = temporal_loss(after[None], backward_warp(before[None], generator.upsample_flow(flows[0])))
    terms = regression_terms(rollout, generator, options("--temporal-weight 3").objective)
    torch.testing.assert_close(terms["temporal"], 3 * expected)


def test_temporal_weight_does_not_train_fnet(store: Path) -> None:
    """Would catch FNet learning a flow that hides the flicker instead of the true one."""
    learner = Frvsr(options("--temporal-weight 1"), CPU)
    rollout = roll_out(learner.generator, batch_of(learner.config, store), mirrored=False)
    rollout = Rollout(rollout.lr, rollout.hr, rollout.outputs.detach().requires_grad_(), rollout.flows, mirrored=False)
    loss = regression_terms(rollout, learner.generator, learner.config.objective)["temporal"]
    grads = torch.autograd.grad(loss, list(learner.generator.fnet.parameters()), allow_unused=True)
    assert all(g is None for g in grads)
    assert "temporal" not in regression_terms(rollout, learner.generator, options("").objective)


def test_forcing_puts_the_original_into_the_past(store: Path) -> None:
    """Would catch a forcing that changes the first frame, takes another frame or sample, or has the parts reversed."""
    config = options("--set teacher_forcing_prob=1.0")
    learner = Frvsr(config, CPU)
    batch = batch_of(config, store)
    assert batch.teacher_forcing is not None
    assert len(batch.teacher_forcing.unique()) > 1
    generator, (lr, hr) = learner.generator, (batch.lr, batch.hr)
    with torch.no_grad():
        outputs = roll_out(generator, batch, mirrored=False).outputs
        plain = roll_out(generator, SequenceBatch(lr, hr), mirrored=False).outputs
        part = batch.teacher_forcing[:, None, None, None]
        state = (1 - part) * plain[:, 0] + part * hr[:, 0]
        expected = generator.step(lr[:, 1], lr[:, 0], state)
    torch.testing.assert_close(outputs[:, 0], plain[:, 0])
    torch.testing.assert_close(outputs[:, 1], expected)
    assert not torch.equal(outputs[:, 1], plain[:, 1])
    assert not torch.equal(outputs[:, 2], plain[:, 2])


def test_burn_in_leads_the_chain_without_gradient(store: Path) -> None:
    """Would catch a rollout that forgets its past, is out by a frame, or trains on the frames before it."""
    config = options("--frames 5")
    generator = Frvsr(config, CPU).generator
    batch = batch_of(config, store)
    whole = roll_out(generator, batch, mirrored=False)
    rollout = roll_out(generator, replace(batch, burn_in=2), mirrored=False)
    torch.testing.assert_close(rollout.outputs, whole.outputs[:, 2:])
    torch.testing.assert_close(rollout.flows, whole.flows[:, 2:])
    assert torch.equal(rollout.hr, batch.hr[:, 2:])
    weight = generator.srnet.conv_in[0].weight
    given, reconstructed = (
        torch.autograd.grad(rollout.outputs[:, k].sum(), weight, allow_unused=True, retain_graph=True)[0]
        for k in (0, 1)
    )
    assert given is None or not given.any()
    assert reconstructed is not None
    assert reconstructed.any()


def test_burn_in_with_ping_pong_goes_on_from_its_end(store: Path) -> None:
    """Would catch the mirrored sequence turning back into the frames before it."""
    config = options("--frames 5")
    generator = Frvsr(config, CPU).generator
    batch = batch_of(config, store)
    rollout = roll_out(generator, replace(batch, burn_in=2), mirrored=True)
    assert torch.equal(rollout.lr, batch.lr[:, [2, 3, 4, 3, 2]])
    torch.testing.assert_close(rollout.outputs[:, :3], roll_out(generator, batch, mirrored=False).outputs[:, 2:])


def test_warp_loss_trains_fnet_only(store: Path) -> None:
    """Would catch the reconstruction network being trained by the warp loss."""
    config = options("")
    learner = Frvsr(config, CPU)
    rollout = roll_out(learner.generator, batch_of(config, store), mirrored=False)
    loss = learner.terms(rollout)["warp"]
    reached = {}
    for name, net in (("srnet", learner.generator.srnet), ("fnet", learner.generator.fnet)):
        gradients = torch.autograd.grad(loss, list(net.parameters()), allow_unused=True, retain_graph=True)
        reached[name] = [gradient is not None and bool(gradient.any()) for gradient in gradients]
    assert not any(reached["srnet"])
    assert any(reached["fnet"])


def test_flow_lr_factor_0_freezes_fnet(store: Path) -> None:
    """Would catch an FNet that moves, or whose gradient still counts in the clipping of the rest."""
    config = options("--flow-lr-factor 0 --set clip=1.0")
    learner = Frvsr(config, CPU)
    srnet, fnet = weights(learner.generator.srnet), weights(learner.generator.fnet)
    gradient = learner.step(batch_of(config, store))["gradient"]
    assert moved(learner.generator.srnet, srnet)
    assert not moved(learner.generator.fnet, fnet)
    own = [p.grad for p in learner.generator.srnet.parameters() if p.grad is not None]
    norm = float(torch.nn.utils.get_total_norm(own))
    assert norm == pytest.approx(min(gradient, 1.0), rel=1e-4)


@pytest.mark.parametrize("optimiser", ["adam", "muon"])
def test_losses_fall_on_one_batch(store: Path, optimiser: str) -> None:
    """Would catch flow of the wrong sign or a recurrence that cannot learn: warp and content loss must fall."""
    config = options(f"--lr 1e-3 --moving-first-frame-prob 1 --batch 1 --optimiser {optimiser} --set clip=1.0")
    learner = Frvsr(config, CPU)
    batch = batch_of(config, store)
    history = [learner.step(batch) for k in range(25)]
    first, last = history[0], history[-1]
    assert last["warp"] < 0.7 * first["warp"]
    assert last["content"] < first["content"]


def test_ping_pong_is_zero_on_a_palindrome_perfect_generator(store: Path) -> None:
    """A generator that looks at the current frame alone draws a palindrome: its ping-pong loss must vanish."""
    config = options("--ping-pong-weight 0.5")
    learner = Frvsr(config, CPU)
    for parameter in learner.generator.srnet.conv_out.parameters():
        parameter.data.zero_()
    metrics = learner.step(batch_of(config, store))
    assert metrics["ping_pong"] == 0
    assert metrics["content"] > 0


def test_nan_stops_before_any_update(store: Path) -> None:
    """Would catch a ruined run: no weight, optimiser state or averaged weight may change."""
    config = options(PUBLISHED + " --ema 0.9")
    learner = TecoGan(config, CPU)
    batch = batch_of(config, store)
    batch.hr[0, 0, 0, 0, 0] = float("nan")
    before = weights(learner.generator), weights(learner.discriminators)
    with pytest.raises(NotFiniteError, match="content nan"):
        learner.step(batch)
    assert not moved(learner.generator, before[0])
    assert not moved(learner.discriminators, before[1])
    assert not learner.optimiser.adam.state
    assert learner.gate.average == pytest.approx(0, abs=0.1)


def test_average_generator(store: Path) -> None:
    """EMA after a step: decay * old + (1 - decay) * new."""
    config = options("--ema 0.9")
    learner = Frvsr(config, CPU)
    before = weights(learner.generator)
    learner.step(batch_of(config, store))
    assert learner.average is not None
    for average, old, new in zip(learner.average.parameters(), before, learner.generator.parameters(), strict=True):
        torch.testing.assert_close(average, 0.9 * old + 0.1 * new.detach())


def test_learning_rates() -> None:
    """Warm-up, cosine to the floor; Dt at 0.3 of the discriminators' rate, FNet at its own."""
    constant = OptimiserConfig(warmup=4)
    assert [learning_rate(constant, k, 100) for k in (0, 3, 9, 99)] == [0.25, 1, 1, 1]
    cosine = OptimiserConfig(schedule="cosine", lr_floor=0.1)
    assert [learning_rate(cosine, k, 100) for k in (0, 50, 100)] == pytest.approx([1, 0.55, 0.1])
    learner = TecoGan(options("--discriminator dsdt --lr 1e-4 --d-lr 1e-3 --flow-lr-factor 0.5"), CPU)
    assert [g["lr"] for g in learner.optimiser.adam.param_groups] == pytest.approx([1e-4, 5e-5])
    assert [g["lr"] for g in learner.d_optimiser.adam.param_groups] == pytest.approx([1e-3, 3e-4])


def test_degradation_decides_the_grid() -> None:
    """BI data needs a centred skip: a wrong phase costs up to 1.9 dB at the start."""
    assert build_spec(options("--degradation bi")).phase == "centred"
    assert build_spec(options("--degradation pairs-centred")).phase == "centred"
    assert build_spec(options("--degradation realistic")).phase == "corner"


class Mean(torch.nn.Module):
    """Perceptual stand-in that counts the frames it sees; its first layer is not compared."""

    seen, early = 0, 1

    def layers(self, images: Tensor) -> list[Tensor]:
        self.seen += len(images)
        return [images.square(), images, images[..., ::2, ::2]]


class EverySecond(FeatureNet):
    """Sees even rows and columns alone, as a first layer of stride 2 does."""

    def layers(self, images: Tensor) -> list[Tensor]:
        return [images[..., ::2, ::2]]


def test_perceptual_phases_show_every_pixel() -> None:
    """Would catch a view that never moves: what is wrong between the pixels it steps on would cost nothing."""
    hr = torch.rand(1, 2, 3, 16, 16) + 0.1
    wrong = hr.clone()
    wrong[..., 1::2, 1::2] = wrong[..., 1::2, 1::2].flip(2)
    rollout = Rollout(torch.zeros(1, 2, 3, 4, 4), hr, wrong, torch.zeros(1, 1, 2, 4, 4), mirrored=False)
    net = EverySecond()
    seen = [float(perceptual_term(net, perceptual_views(net, rollout, 0, k, phases=2))) for k in range(4)]
    assert [value > 0.01 for value in seen] == [False, False, False, True]
    assert float(perceptual_term(net, perceptual_views(net, rollout, 0, 3))) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("frames", [0, 3])
def test_perceptual_term_reuses_the_mirrored_targets(frames: int) -> None:
    """Would catch a mirrored output compared with the wrong target, and targets computed twice."""
    outputs = torch.rand(2, 9, 3, 8, 8)
    hr = torch.rand(2, 5, 3, 8, 8)
    hr = torch.cat((hr, hr[:, :-1].flip(1)), 1)
    rollout = Rollout(torch.zeros(2, 9, 3, 2, 2), hr, outputs, torch.zeros(2, 8, 2, 2, 2), mirrored=True)
    net = Mean()
    views = perceptual_views(net, rollout, frames, iteration=4)  # type: ignore[arg-type]
    result = perceptual_term(net, views)  # type: ignore[arg-type]
    chosen = range(9) if not frames else sorted((4 + round(k * 3)) % 9 for k in range(3))
    direct = perceptual_loss(*(Mean().layers(x[:, list(chosen)].flatten(0, 1))[1:] for x in (outputs, hr)))
    torch.testing.assert_close(result, direct)
    assert net.seen == (2 * (9 + 5) if not frames else 2 * (3 + len({min(t, 8 - t) for t in chosen})))


def test_resumed_optimisers_obey_the_settings() -> None:
    """Would catch options given with --resume that the optimiser's state quietly takes back."""
    words = "--discriminator ds --optimiser muon"
    before = TecoGan(options(words), CPU)
    after = TecoGan(options(f"{words} --lr 0.125 --set beta2=0.9"), CPU)
    after.load_state_dict(before.state_dict())
    for optimiser in (after.optimiser, after.d_optimiser):
        assert all(group["betas"] == (0.9, 0.9) for group in optimiser.adam.param_groups)
    assert after.optimiser.muon is not None
    assert [group["lr"] for group in after.optimiser.muon.param_groups] == [0.125, 0.125]


def test_precision_may_change_on_the_way() -> None:
    """Would catch fp16 refused after fp32, or a scale found in fp16 that is lost."""
    plain, half = Frvsr(options(""), CPU), Frvsr(options("--precision fp16"), CPU)
    half.load_state_dict(plain.state_dict())
    assert half.optimiser.scaler.is_enabled()
    plain.load_state_dict(half.state_dict())
    state = half.state_dict()
    state["optimiser"]["scaler"]["scale"] = 2.0
    half.load_state_dict(state)
    assert half.optimiser.scaler.get_scale() == 2
