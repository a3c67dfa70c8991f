"""A job's options on disk."""

from dataclasses import replace

from vs_tecogan.jobs.spec import Spec


def test_what_shapes_the_picture_is_part_of_a_job() -> None:
    """Would catch segments of one strength joined with segments of another after a restart."""
    spec = Spec(source="a.mkv", out="b.mkv", first=0, end=9, model="m", restart=4, warmup=1, codec="libx264")
    others = [replace(spec, strength=0.5), replace(spec, strength=0.0), replace(spec, faithful=True)]
    assert len({str(one.picture()) for one in (spec, *others)}) == 4
    for one in others:
        assert Spec.from_json(one.to_json()) == one
