"""Which parameters of a function are to be given the task's own bar.

The rule: a parameter annotated `Bar` that the call leaves unfilled is filled. One without
annotation that is named `bar` is filled only where the call would be a `TypeError` without
it, and is valid with it. So no call that the stock executor takes changes its meaning.

Never here: a call of the function, or of its `__repr__`; an evaluation of annotations that
are not evaluated yet, which may raise.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import FunctionType, MethodType
from typing import Any, get_args
from weakref import WeakKeyDictionary

from .worker import Bar

#: An annotation in words that may mean one of our classes: `Bar`, `Bar | None`, …
_WORDS = re.compile(r"(?:[\w.]*\bOptional\[)?(?:None\s*\|)?\s*([\w.]+?)\s*(?:\|\s*None)?\]?")

_known: WeakKeyDictionary[FunctionType, tuple[str, ...]] = WeakKeyDictionary()


def candidates(fn: Callable[..., Any]) -> tuple[str, ...]:
    """Names of parameters of `fn` that may be filled: a quick look, kept for each function."""
    function = _python_function(fn)
    if function is None:
        return ()
    found = _known.get(function)
    if found is None:
        code = function.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        annotated = _annotated(function)
        found = tuple(name for name in names if name in annotated or name == "bar")
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
        given = parameters.bind_partial(*args, **kwargs).arguments
    except (TypeError, ValueError):
        return ()  # no signature, or no valid call: the stock executor's error is to come
    annotated = _annotated(_python_function(fn))
    names = tuple(
        name
        for name in names
        if name in parameters.parameters
        and name not in given
        and parameters.parameters[name].kind.name != "POSITIONAL_ONLY"
    )
    fill = tuple(name for name in names if name in annotated)
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
            wrapped = fn.__dict__.get("__wrapped__")
            if wrapped is None:
                return fn
            fn = wrapped
        elif isinstance(fn, type):
            fn = fn.__init__  # type: ignore[misc]
        else:
            fn = type(fn).__dict__.get("__call__")
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


def _annotated(function: FunctionType | None) -> frozenset[str]:
    """Names of its parameters that are annotated with `Bar`."""
    if function is None:
        return frozenset()
    return frozenset(
        name
        for name, annotation in _annotations(function).items()
        if _means_bar(annotation, function.__globals__)
    )


def _means_bar(annotation: Any, names: Mapping[str, Any]) -> bool:
    if annotation is Bar:
        return True
    text = getattr(annotation, "__forward_arg__", annotation)
    if not isinstance(text, str):
        return any(arg is Bar for arg in get_args(annotation)) and all(
            arg is Bar or arg is type(None) for arg in get_args(annotation)
        )
    match = _WORDS.fullmatch(text.strip())
    if match is None:
        return False
    first, *rest = match[1].split(".")
    found = names.get(first)
    for part in rest:
        found = getattr(found, part, None)
    return found is Bar
