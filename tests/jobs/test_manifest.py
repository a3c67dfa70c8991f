"""The files of a job's folder: whole or refused, never wrong."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vs_tecogan.errors import JobError
from vs_tecogan.jobs.manifest import JobFolder, Manifest, Record, differences
from vs_tecogan.jobs.plan import Segment, plan_segments
from vs_tecogan.jobs.sealed import seal, unseal

many = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
facts = st.dictionaries(st.text(max_size=8), st.dictionaries(st.text(max_size=8), scalars, max_size=4), max_size=4)
plans = st.builds(
    lambda first, length, restart, least: plan_segments(first, first + length, cuts=(), restart=restart, least=least),
    st.integers(0, 99), st.integers(1, 400), st.integers(1, 40), st.integers(1, 60),
)  # fmt: skip
flat = st.dictionaries(st.text(max_size=8), scalars, max_size=4)
manifests = st.builds(Manifest.new, facts, plans, spec=flat, tags=flat)


@many
@given(manifest=manifests)
def test_a_manifest_survives_the_disk(manifest: Manifest, tmp_path: Path) -> None:
    """Would catch anything lost between writing and reading: the plan, a fact, the id."""
    folder = JobFolder(tmp_path / "out.job")
    folder.write(manifest)
    assert folder.read() == manifest


@many
@given(manifest=manifests, data=st.data())
def test_a_truncated_manifest_is_refused(manifest: Manifest, data: st.DataObject) -> None:
    """Would catch a file cut at any byte that is taken for a shorter job."""
    whole = seal(manifest.to_json())
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(JobError):
        unseal(whole[:cut])


@many
@given(manifest=manifests, data=st.data())
def test_a_changed_byte_is_refused(manifest: Manifest, data: st.DataObject) -> None:
    """Would catch bits that rot: a byte of another value gives the same job or none."""
    whole = bytearray(seal(manifest.to_json()))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(JobError):
        assert unseal(bytes(whole)) == unseal(seal(manifest.to_json()))


REST: dict[str, Any] = {"id": "a", "spec": {}, "tags": {}}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": 1},
        {**REST, "facts": {}, "segments": []},
        {**REST, "facts": {"clip": 3}, "segments": [[0, 1]]},
        {**REST, "facts": {}, "segments": [[0, 5], [6, 9]]},
        {**REST, "facts": {}, "segments": [[5, 5]]},
    ],
)
def test_what_is_no_job_is_refused(body: dict[str, Any]) -> None:
    """Would catch a well sealed file of another kind, or a plan with a hole, that goes on as a job."""
    with pytest.raises(JobError):
        Manifest.from_json(body)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b'{"schema": 2, "checksum": ""}', b"\xff\xfe", b"\0"])
def test_what_is_not_sealed_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    """Would catch a traceback, or a message that does not name the file."""
    folder = JobFolder(tmp_path)
    folder.manifest.write_bytes(content)
    with pytest.raises(JobError, match=r"job\.json (is damaged|has schema 2, and this release reads 1)") as caught:
        folder.read()
    assert "\n" not in str(caught.value)


def two_segments() -> Manifest:
    return Manifest.new({}, plan_segments(0, 10, cuts=(), restart=5, least=5), spec={}, tags={})


def record_of(manifest: Manifest, of: Segment, **changes: Any) -> Record:
    values: dict[str, Any] = {
        "job": manifest.id, "segment": of.index, "first": of.first, "end": of.end,
        "frames": of.frames, "file": "00000.aa.mov", "bytes": 5, "file_crc": "0", "input_crc": "0",
        "output_crc": "0", "seconds": 0.5,
    }  # fmt: skip
    return Record(**{**values, **changes})


def test_a_segment_is_done_when_its_record_is_there(tmp_path: Path) -> None:
    """Would catch a segment that counts as done before its record, or that is done twice."""
    folder = JobFolder(tmp_path)
    manifest = two_segments()
    folder.write(manifest)
    first, second = manifest.segments
    folder.write_record(first, record_of(manifest, first))
    assert folder.read_record(manifest, first) == record_of(manifest, first)
    assert folder.read_record(manifest, second) is None


@pytest.mark.parametrize("change", [{"job": "other"}, {"segment": 1}, {"end": 6}, {"frames": 4}, {"file": "../x.mov"}])
def test_a_foreign_record_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    """Would catch a part of another job, or of another plan of this one, that is joined in."""
    folder = JobFolder(tmp_path)
    manifest = two_segments()
    folder.write(manifest)
    folder.write_record(manifest.segments[0], record_of(manifest, manifest.segments[0], **change))
    with pytest.raises(JobError):
        folder.read_record(manifest, manifest.segments[0])


def test_a_record_with_more_or_less_in_it_is_refused(tmp_path: Path) -> None:
    """Would catch a record of a later release read as one of this."""
    folder = JobFolder(tmp_path)
    manifest = two_segments()
    folder.write(manifest)
    folder.write_record(manifest.segments[0], record_of(manifest, manifest.segments[0]))
    body = json.loads(folder.record_path(manifest.segments[0]).read_bytes())
    del body["schema"], body["checksum"]
    for other in ({**body, "more": 1}, {key: body[key] for key in list(body)[1:]}):
        with pytest.raises(JobError):
            Record.from_json(other)


def test_what_changed_is_named() -> None:
    """Would catch a refusal that does not say which option to put back."""
    then = {"model": {"name": "recurrent-4x", "hash": "a"}, "picture": {"restart": 160}}
    now = {"model": {"name": "recurrent-small-2x", "hash": "a"}, "picture": {"restart": 160, "tile": "480x270"}}
    assert differences(then, then) == []
    assert differences(then, now) == [
        "model name: recurrent-4x then, recurrent-small-2x now",
        "picture tile: nothing then, 480x270 now",
    ]
