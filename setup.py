"""Build of what pyproject.toml cannot say: the C++ extension, and the models and kernel sources beside the package."""

import platform
import shutil
from pathlib import Path

from pybind11.setup_helpers import Pybind11Extension
from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.errors import CCompilerError, CompileError, ExecError, LinkError, PlatformError

HERE = Path(__file__).parent
X86 = platform.machine().lower() in ("x86_64", "amd64")
OPTIMISE = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-Wno-psabi", "-g0"]


class BuildExtension(build_ext):
    """Tries the richest build first; without a working compiler the package installs and runs on torch alone."""

    def build_extension(self, extension: Pybind11Extension) -> None:
        """Compile with OpenMP and every instruction set, then with less, then not at all."""
        openmp, levels = ["-fopenmp"], [("VST_X86_LEVELS", "1")] if X86 else []
        attempts = [(openmp, levels), ([], levels), ([], [])]
        errors = []
        for flags, macros in attempts:
            extension.extra_compile_args = ["-std=c++17", *OPTIMISE, *flags]
            extension.extra_link_args = flags
            extension.define_macros = macros
            try:
                super().build_extension(extension)
            except (CCompilerError, CompileError, LinkError, ExecError, PlatformError, OSError) as error:
                errors.append(f"{flags + macros}: {error}")
            else:
                return
        self.warn("the native extension could not be built; vs-tecogan runs without it, slower")
        self.warn("it needs a C++17 compiler, g++ or clang++. Tried: " + "; ".join(errors))

    def copy_extensions_to_source(self) -> None:
        """In-place builds: nothing to copy where nothing could be built."""
        built = [e for e in self.extensions if Path(self.get_ext_fullpath(e.name)).exists() or self._was_built(e)]
        self.extensions = built
        super().copy_extensions_to_source()

    def _was_built(self, extension: Pybind11Extension) -> bool:
        name = self.get_ext_filename(self.get_ext_fullname(extension.name))
        return (Path(self.build_lib) / name).exists()

    def get_outputs(self) -> list[str]:
        """Only files that are there: the extension is optional."""
        return [path for path in super().get_outputs() if Path(path).exists()]


class BuildPackage(build_py):
    """Copies the top-level models and the kernel sources into a wheel's package; a checkout keeps them on top."""

    def run(self) -> None:
        """Build, then copy, unless the package is used where it lies."""
        super().run()
        if self.editable_mode:
            return
        for source, target in ((HERE / "models", "_models"), (HERE / "csrc", "_csrc")):
            for path in sorted(p for p in source.rglob("*") if p.suffix not in (".cpp", ".inl") and p.is_file()):
                destination = Path(self.build_lib) / "vs_tecogan" / target / path.relative_to(source)
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, destination)


setup(
    ext_modules=[
        Pybind11Extension(
            "vs_tecogan._native",
            sorted(str(p.relative_to(HERE)) for p in (HERE / "csrc").glob("*.cpp")),
            depends=[str(p.relative_to(HERE)) for p in (HERE / "csrc").iterdir() if p.suffix in (".h", ".inl")],
            include_dirs=["csrc"],
        )
    ],
    cmdclass={"build_ext": BuildExtension, "build_py": BuildPackage},
)
