"""Build of what pyproject.toml cannot say: the C++ extension; models, recipes and kernel sources in the package.

``VS_TECOGAN_REQUIRE_NATIVE=1`` in the environment makes a failed build of the extension an error, as wheels want it.
"""

import contextlib
import os
import platform
import shutil
import sys
from pathlib import Path

from pybind11.setup_helpers import Pybind11Extension
from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.errors import CCompilerError, CompileError, ExecError, LinkError, PlatformError

HERE = Path(__file__).parent
GNU_FLAGS = ["-std=c++17", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-Wno-psabi", "-g0"]
MSVC_FLAGS = ["/std:c++17", "/O2", "/EHsc", "/bigobj", "/utf-8"]
MSVC_LEVELS = {
    "kernels_avx2.cpp": "/arch:AVX2",
    "kernels_avx512.cpp": "/arch:AVX512",
    "kernels_avx512bf16.cpp": "/arch:AVX512",
}
"""GCC and Clang read these sets of instructions from the sources themselves."""
ONE_LEVEL = ("VST_ONE_LEVEL", "1")
BUILD_ERRORS = (CCompilerError, CompileError, LinkError, ExecError, PlatformError, OSError)
INSTALL = {
    "Windows": 'the "Desktop development with C++" workload of Visual Studio Build Tools',
    "Darwin": "Xcode's command line tools (xcode-select --install)",
}


class BuildExtension(build_ext):
    """Tries the richest build first; without a working compiler the package installs and runs on torch alone."""

    def build_extension(self, extension: Pybind11Extension) -> None:
        """Compile with every instruction set, then with the compiler's baseline, then not at all."""
        msvc = self.compiler.compiler_type == "msvc"
        extension.extra_compile_args = MSVC_FLAGS if msvc else GNU_FLAGS
        extension.extra_link_args = [] if msvc else ["-pthread", *(["-ldl"] if sys.platform == "linux" else [])]
        sources, errors = list(extension.sources), []
        for macros in ([], [ONE_LEVEL]):
            extension.define_macros = macros
            extension.sources, extension.extra_objects = list(sources), []
            try:
                if msvc:
                    self._compile_levels(extension)
                super().build_extension(extension)
            except BUILD_ERRORS as error:
                if os.environ.get("VS_TECOGAN_REQUIRE_NATIVE") == "1":
                    raise
                errors.append(f"{macros or 'all levels'}: {error}")
            else:
                if errors:
                    self._tell(errors, "is installed with native code for old processors only, slower on newer ones")
                return
        self._tell(errors, "is installed WITHOUT its native code and will be about 2.6 times slower on the CPU")

    def _compile_levels(self, extension: Pybind11Extension) -> None:
        """MSVC: the files that need a flag of their own, each by itself."""
        for source in [path for path in extension.sources if Path(path).name in MSVC_LEVELS]:
            extension.sources.remove(source)
            extension.extra_objects += self.compiler.compile(
                [source],
                output_dir=self.build_temp,
                macros=extension.define_macros,
                include_dirs=extension.include_dirs,
                extra_postargs=[*extension.extra_compile_args, MSVC_LEVELS[Path(source).name]],
                depends=extension.depends,
            )

    def _tell(self, errors: list[str], what: str) -> None:
        """Say what failed. Pip hides a build's output without -v, so the terminal is told too, where there is one."""
        tools = INSTALL.get(platform.system(), "a recent g++ or clang++ (C++17)")
        text = f"vs-tecogan {what}. Install {tools}, then install vs-tecogan again."
        for error in errors:
            self.warn(error)
        self.warn(text)
        with contextlib.suppress(OSError), Path("CON" if os.name == "nt" else "/dev/tty").open("w") as terminal:
            terminal.write(f"\n{text}\n")

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
    """Copies the top-level models, recipes and kernel sources into a wheel's package; a checkout keeps them on top."""

    def run(self) -> None:
        """Build, then copy, unless the package is used where it lies."""
        super().run()
        if self.editable_mode:
            return
        for source, target in ((HERE / "models", "_models"), (HERE / "recipes", "_recipes"), (HERE / "csrc", "_csrc")):
            for path in sorted(p for p in source.rglob("*") if p.suffix not in (".cpp", ".inl") and p.is_file()):
                destination = Path(self.build_lib) / "vs_tecogan" / target / path.relative_to(source)
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, destination)


setup(
    ext_modules=[
        Pybind11Extension(
            "vs_tecogan._native",
            sorted(str(p.relative_to(HERE)) for p in (HERE / "csrc").glob("*.cpp")),
            depends=[str(p.relative_to(HERE)) for p in (HERE / "csrc").rglob("*") if p.suffix in (".h", ".inl")],
            include_dirs=["csrc"],
        )
    ],
    cmdclass={"build_ext": BuildExtension, "build_py": BuildPackage},
)
