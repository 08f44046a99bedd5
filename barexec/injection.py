"""Which parameters of a function are to be given the task's own bar or writer.

The rule: a parameter annotated `Bar` or `Writer` that the call leaves unfilled is filled.
One without annotation that is named `bar` or `writer`, or one whose annotation says so but
cannot be looked up (`if TYPE_CHECKING:`), is filled only where the call would be a
`TypeError` without it, and is valid with it. So no call that the stock executor takes
changes its meaning; and of a function wrapped by `functools.wraps`, which may well supply
them itself, only the wrapper's own parameters count.

Never here: a call of the function, or of its `__repr__`; an evaluation of annotations in
words; an error of the user's annotations.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, UnionType
from typing import Any, ForwardRef, Union, get_args, get_origin
from weakref import WeakKeyDictionary

from .bars import Bar
from .writer import Writer

#: What a parameter may be filled with: by its class, and by its name alone.
_CLASSES: dict[type, str] = {Bar: "Bar", Writer: "Writer"}
_NAMES = {"bar": "Bar", "writer": "Writer"}
#: An annotation in words that may mean one of our classes: `Bar`, `Bar | None`, …
_WORDS = re.compile(r"(?:[\w.]*\bOptional\[)?(?:None\s*\|)?\s*([\w.]+?)\s*(?:\|\s*None)?\]?")

#: Of a parameter: what it may be filled with, and whether its annotation surely says so.
Wish = tuple[str, bool]

_known: WeakKeyDictionary[FunctionType, dict[str, Wish]] = WeakKeyDictionary()


def candidates(fn: Callable[..., Any]) -> dict[str, Wish]:
    """The parameters of `fn` that may be filled: a quick look, kept for each function."""
    if type(fn) is BuiltinFunctionType:
        return {}
    function = fn if type(fn) is FunctionType and not fn.__dict__ else _python_function(fn)
    if function is None:
        return {}
    found = _known.get(function)
    if found is None:
        code = function.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        says = _what_annotations_say(function)
        wishes = {name: says.get(name, (_NAMES.get(name, ""), False)) for name in names}
        found = _known[function] = {name: wish for name, wish in wishes.items() if wish[0]}
    return found


def to_fill(
    fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[str, str], ...]:
    """The parameters of `fn` that this call leaves to us: name, and class of what it gets."""
    wishes = candidates(fn)
    if not wishes:
        return ()
    from inspect import Parameter, signature  # 10 ms: only for who needs it

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
    open_ones = [
        name
        for name in wishes
        if name in parameters.parameters
        and name not in given
        and parameters.parameters[name].kind.name != "POSITIONAL_ONLY"
    ]
    fill = [name for name in open_ones if wishes[name][1]]
    lacking = [name for name in open_ones if name not in fill]
    if lacking and not _binds(parameters, args, kwargs, fill):
        for name in lacking[:]:
            if parameters.parameters[name].default is not Parameter.empty:
                lacking.remove(name)  # the call is valid without it
        fill += lacking
    if not (fill and _binds(parameters, args, kwargs, fill)):
        return ()
    return tuple([(name, wishes[name][0]) for name in open_ones if name in fill])


def _binds(
    parameters: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], fill: Iterable[str]
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


def _what_annotations_say(function: FunctionType) -> dict[str, Wish]:
    """Of each annotated parameter, what it may be filled with ("": with nothing of ours)."""
    try:
        return {
            name: _meaning(annotation, function.__globals__)
            for name, annotation in _annotations(function).items()
        }
    except Exception:
        # any code of the user's may run when an annotation is looked at: then it is no bar
        return dict.fromkeys(function.__code__.co_varnames, ("", False))


def _meaning(annotation: Any, names: Mapping[str, Any]) -> Wish:
    if type(annotation) is ForwardRef:
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        return _meaning_of_words(annotation, names)
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        annotation = kinds[0] if len(kinds) == 1 else None
    return _CLASSES.get(annotation, "") if isinstance(annotation, type) else "", True


def _meaning_of_words(annotation: str, names: Mapping[str, Any]) -> Wish:
    match = _WORDS.fullmatch(annotation.strip(" '\""))
    if match is None:
        return "", False
    first, *rest = match[1].split(".")
    last = (first, *rest)[-1]
    if first not in names:
        return last if last in _CLASSES.values() else "", False
    found = names[first]
    if rest and last not in _CLASSES.values():
        return "", False  # not even looked up: some modules import what they are asked for
    for part in rest:
        found = getattr(found, part, None)
    return _CLASSES.get(found, "") if isinstance(found, type) else "", True
