"""Which parameters of a function are to be given the task's own bar.

The rule: a parameter annotated `Bar` that the call leaves unfilled is filled. One without
annotation that is named `bar`, or one whose annotation says `Bar` but cannot be looked up
(`if TYPE_CHECKING:`), is filled only where the call would be a `TypeError` without it, and
is valid with it. So no call that the stock executor takes changes its meaning; and of a
function wrapped by `functools.wraps`, which may well supply a bar of its own, only the
wrapper's own parameters count.

Never here: a call of the function, or of its `__repr__`; an evaluation of annotations in
words; an error of the user's annotations.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, UnionType
from typing import Any, ForwardRef, Union, get_args, get_origin
from weakref import WeakKeyDictionary

from .worker import Bar

#: An annotation in words that may mean one of our classes: `Bar`, `Bar | None`, …
_WORDS = re.compile(r"(?:[\w.]*\bOptional\[)?(?:None\s*\|)?\s*([\w.]+?)\s*(?:\|\s*None)?\]?")

_known: WeakKeyDictionary[FunctionType, tuple[str, ...]] = WeakKeyDictionary()


def candidates(fn: Callable[..., Any]) -> tuple[str, ...]:
    """Names of parameters of `fn` that may be filled: a quick look, kept for each function."""
    if type(fn) is BuiltinFunctionType:
        return ()
    function = fn if type(fn) is FunctionType and not fn.__dict__ else _python_function(fn)
    if function is None:
        return ()
    found = _known.get(function)
    if found is None:
        code = function.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        says = _what_annotations_say(function)
        found = tuple(name for name in names if says.get(name, name == "bar") is not False)
        _known[function] = found
    return found


def names_to_fill(
    fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[str, ...]:
    """Names of the parameters of `fn` that this call leaves to us."""
    names = candidates(fn)
    if not names:
        return ()
    from inspect import signature  # 10 ms: only for who needs it

    try:
        parameters = signature(fn, **_AS_WRITTEN)
        given = dict(parameters.bind_partial(*args, **kwargs).arguments)
    except Exception:
        # no signature, or no valid call, or annotations that raise: as with the stock executor
        return ()
    function: Any = fn
    while isinstance(function, partial):
        given.update(function.keywords)
        function = function.func
    says = _what_annotations_say(_python_function(fn))
    names = tuple(
        name
        for name in names
        if name in parameters.parameters
        and name not in given
        and parameters.parameters[name].kind.name != "POSITIONAL_ONLY"
    )
    fill = tuple(name for name in names if says.get(name))
    for name in names:
        lacking = name not in fill and not _binds(parameters, args, kwargs, fill)
        if lacking and _binds(parameters, args, kwargs, (*fill, name)):
            fill = (*fill, name)
    return fill if fill and _binds(parameters, args, kwargs, fill) else ()


def _binds(
    parameters: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], fill: tuple[str, ...]
) -> bool:
    try:
        parameters.bind(*args, **{**kwargs, **dict.fromkeys(fill)})
    except TypeError:
        return False
    return True


def _python_function(fn: Any) -> FunctionType | None:
    """The Python function behind a callable; None where there is none (C code)."""
    for _ in range(100):
        if isinstance(fn, partial):
            fn = fn.func
        elif isinstance(fn, MethodType):
            fn = fn.__func__
        elif isinstance(fn, FunctionType):
            return None if "__signature__" in fn.__dict__ else fn
        elif isinstance(fn, type):
            fn = fn.__init__  # type: ignore[misc]
        else:
            fn = getattr(type(fn), "__call__", None)  # noqa: B004
            if not isinstance(fn, (FunctionType, MethodType, partial)):
                return None
    return None


if sys.version_info >= (3, 14):
    import annotationlib

    _AS_WRITTEN: dict[str, Any] = {"annotation_format": annotationlib.Format.FORWARDREF}

    def _annotations(function: FunctionType) -> Mapping[str, Any]:
        return annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)

else:
    _AS_WRITTEN: dict[str, Any] = {}

    def _annotations(function: FunctionType) -> Mapping[str, Any]:
        return function.__annotations__


def _what_annotations_say(function: FunctionType | None) -> dict[str, bool | None]:
    """Of each annotated parameter, whether it is a `Bar`; None: perhaps."""
    if function is None:
        return {}
    try:
        return {
            name: _means_bar(annotation, function.__globals__)
            for name, annotation in _annotations(function).items()
        }
    except Exception:
        # any code of the user's may run when an annotation is looked at: then it is no bar
        return dict.fromkeys(function.__code__.co_varnames, False)


def _means_bar(annotation: Any, names: Mapping[str, Any]) -> bool | None:
    if annotation is Bar:
        return True
    if type(annotation) is ForwardRef:
        annotation = annotation.__forward_arg__
    if not isinstance(annotation, str):
        return get_origin(annotation) in (Union, UnionType) and (
            {*get_args(annotation)} <= {Bar, type(None)}
        )
    match = _WORDS.fullmatch(annotation.strip(" '\""))
    if match is None:
        return False
    first, *rest = match[1].split(".")
    if first not in names:
        return None if (first, *rest)[-1] == Bar.__name__ else False
    found = names[first]
    if rest and rest[-1] != Bar.__name__:
        return False  # not even looked up: some modules import what they are asked for
    for part in rest:
        found = getattr(found, part, None)
    return found is Bar
