"""The CUDA kernels' source: one text for NVRTC, what its kernels take, and how it is compiled.

Headers are written into the text instead of being named by an include path: CuPy's cache on disk knows a kernel by its
text and options alone, so that a changed header would otherwise go unnoticed, and a path may hold spaces.
"""

import re
from pathlib import Path

OPTIONS = ("--std=c++17", "--fmad=true")

_INCLUDE = re.compile(r'^#include "([^"]+)"\s*$', re.MULTILINE)
_MACRO = re.compile(r"^#define (VST_\w+)\(T, suffix\)((?:.*\\\n)*.*\n)", re.MULTILINE)
_KERNEL = re.compile(r'extern "C" __global__ void (\w+)_##suffix\(([^)]*)\)')
_INSTANCE = re.compile(r"^(VST_\w+)\(([\w ]+), (\w+)\)\s*$", re.MULTILINE)


def source_folder() -> Path:
    """Where the kernel sources are: in the package when installed, beside it in a checkout.

    :raises FileNotFoundError: neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_csrc", package.parent / "csrc"):
        if (folder / "cuda" / "kernels.cu").is_file():
            return folder
    raise FileNotFoundError(f"no CUDA kernel sources in {package / '_csrc'} or {package.parent / 'csrc'}; reinstall")


def source() -> str:
    """The whole source with its own headers written in, each once."""
    included: set[Path] = set()

    def expand(path: Path) -> str:
        if path in included:
            return ""
        included.add(path)
        text = path.read_text(encoding="utf-8").replace("#pragma once\n", "")
        return _INCLUDE.sub(lambda match: expand((path.parent / match[1]).resolve()), text)

    return expand((source_folder() / "cuda" / "kernels.cu").resolve())


def signatures(text: str) -> dict[str, tuple[str, ...]]:
    """The C types of every kernel's arguments, by name, in order: such as "const float*", "int".

    :raises ValueError: kernels declared in a way that this does not read.
    """
    bodies = {match[1]: match[2].replace("\\\n", " ") for match in _MACRO.finditer(text)}
    found: dict[str, tuple[str, ...]] = {}
    for macro, element, suffix in _INSTANCE.findall(text):
        for name, arguments in _KERNEL.findall(bodies[macro]):
            types = [re.sub(r"\s*\w+$", "", " ".join(argument.split())) for argument in arguments.split(",")]
            found[f"{name}_{suffix}"] = tuple(re.sub(r"\bT\b", element, kind) for kind in types)
    declared = sum(len(_KERNEL.findall(body)) for body in bodies.values())
    if not found or declared != text.count("__global__ void"):
        raise ValueError("kernels.cu declares kernels outside its VST_*_KERNELS macros")
    return found


def compile_kernels(architecture: str) -> bytes:
    """Compile every kernel without a device, to see that it can be done.

    :param architecture: such as "sm_90".
    :return:             the binary (cubin).
    :raises RuntimeError: with the compiler's log.
    """
    from cupy_backends.cuda.libs import nvrtc  # type: ignore[import-untyped,unused-ignore]

    program = nvrtc.createProgram(source(), "kernels.cu", (), ())
    try:
        nvrtc.compileProgram(program, [*OPTIONS, f"--gpu-architecture={architecture}"])
    except nvrtc.NVRTCError as error:
        raise RuntimeError(f"kernels.cu does not compile for {architecture}: {nvrtc.getProgramLog(program)}") from error
    binary: bytes = nvrtc.getCUBIN(program)
    nvrtc.destroyProgram(program)
    return binary
