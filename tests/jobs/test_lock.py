"""The lock on a job's folder: one owner at a time, and none once it is dead."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vs_tecogan.errors import JobError
from vs_tecogan.jobs.lock import JobLock

HOLD = """
import sys, time, subprocess
from pathlib import Path
from vs_tecogan.jobs.lock import JobLock
with JobLock(Path(sys.argv[1])):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print(child.pid, flush=True)
    time.sleep(60)
"""


def test_a_second_owner_is_refused(tmp_path: Path) -> None:
    """Would catch two commands that write into one folder; the message names the process that has it."""
    lock = tmp_path / "out.job" / "lock"
    with JobLock(lock), pytest.raises(JobError, match=r"out\.job is in use by process \d+ on "), JobLock(lock):
        pass
    with JobLock(lock):
        pass


def test_the_lock_dies_with_its_owner(tmp_path: Path) -> None:
    """Would catch a lock that outlives kill -9, or that lives on in a process which its owner had started."""
    lock = tmp_path / "lock"
    owner = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    child = int(owner.stdout.readline())
    try:
        with pytest.raises(JobError, match=f"process {owner.pid} on "), JobLock(lock):
            pass
        owner.kill()
        owner.wait()
        with JobLock(lock):
            pass
    finally:
        owner.kill()
        subprocess.run(["kill", str(child)], check=False)
        owner.stdout.close()


def test_those_who_share_keep_others_out(tmp_path: Path) -> None:
    """Would catch an array of jobs whose second is refused, or one that runs beside a whole job."""
    lock = tmp_path / "lock"
    with JobLock(lock, shared=True):
        with JobLock(lock, shared=True):
            pass
        with pytest.raises(JobError), JobLock(lock):
            pass
    with JobLock(lock), pytest.raises(JobError), JobLock(lock, shared=True):
        pass


def test_a_folder_that_was_removed_is_locked_anew(tmp_path: Path) -> None:
    """Would catch a lock on a file that has no name any more: a third command would get another one."""
    lock = tmp_path / "out.job" / "lock"
    with JobLock(lock):
        shutil.rmtree(lock.parent)
        with JobLock(lock):
            assert lock.exists()
            with pytest.raises(JobError), JobLock(lock):
                pass


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """Would catch a traceback where OUT's folder is a file."""
    (tmp_path / "file").touch()
    with pytest.raises(JobError, match="cannot lock"), JobLock(tmp_path / "file" / "lock"):
        pass
