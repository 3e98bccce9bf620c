"""Compiled functions that call each other, optimised together: once, with the one that Python calls.

Numba makes of each function optimised code with all that it calls, and machine code of all this, then does so again for
its caller: a function three calls deep is made four times, and eighty small ones take half a minute. Here a callee is
translated only (`Callee`); the function that Python calls takes all of them in and is optimised as a whole (`Whole`).
"""

from __future__ import annotations

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import LoweringPass, PassManager, register_pass
from numba.core.environment import lookup_environment
from numba.core.typed_passes import NativeLowering, NoPythonBackend

__all__: list[str] = []

_ENVIRONMENT = "_ZN08NumbaEnv"  # how Numba begins the name of where a function's environment is kept


class _Quiet:
    """What makes machine code, for a library that has none: no place to put an environment at."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, environment: Any) -> None:
        """Do nothing: `_Environments` sets it, where the code is."""


class _Translated(JITCodeLibrary):
    """Code that waits for a caller: each function is simplified by itself, which costs little, and no more."""

    @property
    def codegen(self) -> Any:
        return _Quiet(self._codegen)

    def finalize(self) -> None:
        """Leave it as it is."""
        self._raise_if_finalized()
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Nobody can call it from outside."""
        self._ensure_finalized()
        return 0


class _Complete(JITCodeLibrary):
    """Code with all that it calls, and what these call."""

    def add_linking_library(self, library: Any) -> None:
        """Take in a callee."""
        if library not in self._linking_libraries:
            super().add_linking_library(library)
            if isinstance(library, _Translated):
                for other in library._linking_libraries:
                    self.add_linking_library(other)


@register_pass(mutates_CFG=False, analysis_only=False)
class _Apart(LoweringPass):
    """Take a library that is not optimised."""

    _name = "k2rel_translated_only"

    def __init__(self) -> None:
        LoweringPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        state.library = _Translated(state.targetctx.codegen(), state.func_id.func_qualname)
        return True


@register_pass(mutates_CFG=False, analysis_only=False)
class _AsOne(LoweringPass):
    """Take a library that takes in all that is called."""

    _name = "k2rel_as_one"

    def __init__(self) -> None:
        LoweringPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        state.library = _Complete(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return True


@register_pass(mutates_CFG=False, analysis_only=False)
class _Environments(LoweringPass):
    """Tell the code where the environments of the functions are that it took in."""

    _name = "k2rel_environments"

    def __init__(self) -> None:
        LoweringPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        codegen = state.targetctx.codegen()
        for variable in state.library._final_module.global_variables:
            if variable.name.startswith(_ENVIRONMENT) and not variable.is_declaration:
                environment = lookup_environment(variable.name)
                if environment is not None:
                    codegen.set_env(variable.name, environment)
        return False


def _before_lowering(state: Any, added: Any) -> Any:
    """Numba's passes with one more."""
    passes: Any = DefaultPassBuilder.define_nopython_pipeline(state)
    before = passes.passes[[one for one, _ in passes.passes].index(NativeLowering) - 1][0]
    passes.add_pass_after(added, before)
    return passes


class Callee(CompilerBase):
    """How a function is compiled that compiled functions call."""

    def define_pipelines(self) -> list[PassManager]:
        """Translate it, and leave the rest to its callers."""
        passes = _before_lowering(self.state, _Apart)
        passes.finalize()
        return [passes]


class Whole(CompilerBase):
    """How a function is compiled that Python calls."""

    def define_pipelines(self) -> list[PassManager]:
        """Compile it as Numba does, with all that it calls."""
        passes = _before_lowering(self.state, _AsOne)
        passes.add_pass_after(_Environments, NoPythonBackend)
        passes.finalize()
        return [passes]
