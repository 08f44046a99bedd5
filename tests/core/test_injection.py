"""Injection: which parameters get the bar, and that no call of the stock executor changes."""

from __future__ import annotations

import functools
import pickle
import subprocess
import sys
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Optional, Union, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import barexec
import barexec as bx
from barexec import Bar
from barexec import Bar as Progress
from barexec.injection import candidates, to_fill


def names_to_fill(*call: Any) -> tuple[str, ...]:
    return tuple(name for name, _ in to_fill(*call))


# --- what is filled ------------------------------------------------------------------


def annotated(n: int, progress: Bar) -> Any:
    return n, progress


def annotated_with_default(n: int, progress: Bar | None = None) -> Any:
    return n, progress


def annotated_optional(n: int, progress: Optional[Bar] = None) -> Any:  # noqa: UP045
    return n, progress


def annotated_by_module(n: int, progress: barexec.Bar) -> Any:
    return n, progress


def annotated_by_alias(n: int, progress: Progress, more: bx.Bar, *, third: Bar | None) -> Any:
    return n, progress, more, third


def annotated_in_quotes(n: int, progress: "Bar") -> Any:  # noqa: UP037
    return n, progress


def keyword_only(n: int, *, progress: Bar) -> Any:
    return n, progress


def by_name(n: Any, bar: Any) -> Any:
    return n, bar


by_name.__annotations__.clear()


def by_name_first(bar, n=0):  # type: ignore[no-untyped-def]
    return n, bar


def by_name_only(n, *, bar):  # type: ignore[no-untyped-def]
    return n, bar


class Machine:
    def method(self, n: int, progress: Bar) -> Any:
        return n, progress

    @classmethod
    def of_class(cls, n: int, progress: Bar) -> Any:
        return n, progress

    @staticmethod
    def of_nobody(n: int, progress: Bar) -> Any:
        return n, progress

    def __call__(self, n: int, progress: Bar) -> Any:
        return n, progress


class Heir(Machine):
    """Inherits all of it."""


class Made:
    def __init__(self, n: int, progress: Bar) -> None:
        self.made = n, progress


filled: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], tuple[str, ...]]] = [
    (annotated, (1,), {}, ("progress",)),
    (annotated, (), {"n": 1}, ("progress",)),
    (annotated_with_default, (1,), {}, ("progress",)),
    (annotated_optional, (1,), {}, ("progress",)),
    (annotated_by_module, (1,), {}, ("progress",)),
    (annotated_by_alias, (1,), {}, ("progress", "more", "third")),
    (annotated_by_alias, (1, 2), {}, ("more", "third")),
    (annotated_in_quotes, (1,), {}, ("progress",)),
    (keyword_only, (1,), {}, ("progress",)),
    (by_name, (1,), {}, ("bar",)),
    (by_name_first, (), {}, ("bar",)),
    (by_name_first, (), {"n": 1}, ("bar",)),
    (by_name_only, (1,), {}, ("bar",)),
    (Machine().method, (1,), {}, ("progress",)),
    (Machine.method, (Machine(), 1), {}, ("progress",)),
    (Machine.of_class, (1,), {}, ("progress",)),
    (Machine.of_nobody, (1,), {}, ("progress",)),
    (Machine(), (1,), {}, ("progress",)),
    (Heir(), (1,), {}, ("progress",)),
    (Heir().method, (1,), {}, ("progress",)),
    (Heir.of_class, (1,), {}, ("progress",)),
    (Made, (1,), {}, ("progress",)),
    (partial(annotated, 1), (), {}, ("progress",)),
    (partial(annotated, n=1), (), {}, ("progress",)),
    (partial(partial(annotated), 1), (), {}, ("progress",)),
    (partial(Machine().method, 1), (), {}, ("progress",)),
    (partial(by_name, n=1), (), {}, ("bar",)),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "names"), filled)
def test_what_is_left_to_us_is_filled(
    function: Any, args: Any, kwargs: Any, names: tuple[str, ...]
) -> None:
    assert names_to_fill(function, args, kwargs) == names
    # and the call is a valid one
    function(*args, **kwargs, **dict.fromkeys(names, Bar()))


# --- what is not ---------------------------------------------------------------------


def plain(n: int) -> int:
    return n


def own_default(n, bar=5):  # type: ignore[no-untyped-def]
    return n, bar


def own_default_annotated(n: int, bar: int = 5) -> Any:
    return n, bar


def own_kind(n: int, bar: int) -> Any:
    return n, bar


def own_kind_optional(n: int, bar: int | None) -> Any:
    return n, bar


def many_bars(n: int, bars: list[Bar] = [], kind: type[Bar] = Bar) -> Any:  # noqa: B006
    return n, bars, kind


def bars_or_words(n: int, bar: Bar | str = "words") -> Any:
    return n, bar


def any_keywords(n, **kwargs):  # type: ignore[no-untyped-def]
    return n, kwargs


def any_arguments(*args, **kwargs):  # type: ignore[no-untyped-def]
    return args, kwargs


def positional_only(n: int, progress: Bar | None = None, /) -> Any:
    return n, progress


def positional_only_by_name(n, bar, /):  # type: ignore[no-untyped-def]
    return n, bar


def positional_only_beside_keywords(n, bar=5, /, **kwargs):  # type: ignore[no-untyped-def]
    return n, bar, kwargs


def variable(n: int, *bar: Bar, **progress: Bar) -> Any:
    return n, bar, progress


def returns(n: int) -> Bar:
    raise NotImplementedError


def supplies(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that gives the function a bar of its own."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, "its own", **kwargs)

    return wrapper


def narrows(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator whose function has one parameter less."""

    @functools.wraps(function)
    def wrapper(n: int) -> Any:
        return function(n, "its own")

    return wrapper


supplied = supplies(annotated)
narrowed = narrows(annotated)


@functools.lru_cache
def cached(n: int, progress: Bar | None = None) -> Any:
    return n, progress


@functools.singledispatch
def dispatched(n: int, progress: Bar | None = None) -> Any:
    return n, progress


class BySignature:
    """Says of itself what is not so."""

    def __call__(self, n: int) -> int:
        return n


def says_more(n: int) -> int:
    return n


says_more.__signature__ = __import__("inspect").signature(annotated)  # type: ignore[attr-defined]


def hides(n, progress=None, /):  # type: ignore[no-untyped-def]
    return n, progress


hides.__signature__ = says_more.__signature__  # type: ignore[attr-defined]
hides.__annotations__["progress"] = Bar


def positional_only_beside_own(n: int, progress: Bar | None = None, /, **kwargs: Any) -> Any:
    return n, progress, kwargs


class MadeByNew:
    def __new__(cls, n: int) -> MadeByNew:
        return super().__new__(cls)

    def __init__(self, n: int, progress: Bar | None = None) -> None:
        self.made = n, progress


class Meta(type):
    def __call__(cls, n: int) -> Any:
        return super().__call__(n, "its own")


class MadeByMeta(metaclass=Meta):
    def __init__(self, n: int, progress: Bar) -> None:
        self.made = n, progress


given_already: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = [
    (annotated, (1, None), {}),
    (annotated, (1,), {"progress": None}),
    (annotated_with_default, (1, None), {}),
    (annotated_with_default, (1,), {"progress": None}),
    (by_name, (1, 2), {}),
    (by_name, (1,), {"bar": 2}),
    (by_name_first, (5,), {}),
    (partial(annotated, progress=cast(Any, None)), (1,), {}),
    (partial(annotated_with_default, progress=None), (1,), {}),
    (partial(partial(annotated_with_default, progress=None), 1), (), {}),
    (partial(annotated, 1, cast(Any, None)), (), {}),
    (partial(by_name, bar=None), (1,), {}),
    (plain, (1,), {}),
    (own_default, (1,), {}),
    (own_default_annotated, (1,), {}),
    (many_bars, (1,), {}),
    (bars_or_words, (1,), {}),
    (any_keywords, (1,), {}),
    (any_keywords, (1,), {"bar": 2}),
    (any_arguments, (1,), {"progress": 2}),
    (positional_only, (1,), {}),
    (positional_only_beside_keywords, (1,), {}),
    (positional_only_beside_keywords, (1,), {"bar": 2}),
    (variable, (1,), {}),
    (supplied, (1,), {}),
    (narrowed, (1,), {}),
    (partial(supplied, 1), (), {}),
    (cached, (1,), {}),
    (dispatched, (1,), {}),
    (BySignature(), (1,), {}),
    (says_more, (1,), {}),
    (hides, (1,), {}),
    (positional_only_beside_own, (1,), {}),
    (MadeByNew, (1,), {}),
    (MadeByMeta, (1,), {}),
    (len, ("abc",), {}),
    (int, ("5",), {}),
    (dict, (), {"bar": 1}),
    ("abc".replace, ("a", "b"), {}),
    (types.SimpleNamespace, (), {"bar": 1}),
    (lambda n, bar=None: (n, bar), (1,), {}),
    (partial(int, base=2), ("101",), {}),
]

invalid: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    (annotated, (), {}),
    (annotated, (1, 2, 3), {}),
    (annotated, (1,), {"unknown": 2}),
    (annotated, (1,), {"n": 2}),
    (by_name, (), {}),
    (by_name, (1, 2, 3), {}),
    (own_kind, (1,), {}),
    (own_kind_optional, (1,), {}),
    (positional_only_by_name, (1,), {}),
    (plain, (), {}),
    (plain, (1, 2), {}),
    (plain, (), {"bar": 1}),
    (partial(annotated, 1), (2, 3), {}),
    (len, (), {}),
    (5, (), {}),
    (None, (1,), {}),
    ("words", (), {}),
]


@pytest.mark.parametrize(("function", "args", "kwargs"), given_already)
def test_a_call_that_is_valid_stays_as_it_is(function: Any, args: Any, kwargs: Any) -> None:
    function(*args, **kwargs)
    assert names_to_fill(function, args, kwargs) == ()


@pytest.mark.parametrize(("function", "args", "kwargs"), invalid)
def test_a_call_that_cannot_be_mended_fails_as_it_would(
    function: Any, args: Any, kwargs: Any
) -> None:
    with pytest.raises(TypeError):
        function(*args, **kwargs)
    assert names_to_fill(function, args, kwargs) == ()


@dataclass
class Job:
    n: int
    progress: Bar | None = None


def test_a_dataclass_is_called_like_any_other() -> None:
    assert names_to_fill(Job, (1,), {}) == ("progress",)
    assert names_to_fill(Job, (1, None), {}) == ()


# --- annotations that cannot be looked up --------------------------------------------


def with_names(annotation: str, default: str = "", **names: Any) -> Any:
    """A function whose module knows these names only."""
    source = f"def function(n, progress: {annotation!r}{default}): return n, progress"
    exec(source, names)
    function = names["function"]
    assert isinstance(function, types.FunctionType)
    return function


def test_a_hidden_annotation_is_filled_where_the_call_would_fail_without() -> None:
    for words in ("Bar", "Bar | None", "Optional[Bar]", "barexec.Bar", "'Bar'"):
        needs, has = with_names(words), with_names(words, " = None")
        assert names_to_fill(needs, (1,), {}) == ("progress",), words
        assert names_to_fill(needs, (1, 2), {}) == ()
        assert names_to_fill(has, (1,), {}) == (), words
    for words in ("Bars", "list[Bar]", "int", "Bar.x", "x.Bars", "", "Bar | int", "1 + 1"):
        assert names_to_fill(with_names(words), (1,), {}) == (), words


def test_another_bar_is_not_ours() -> None:
    class Other:
        """Somebody else's."""

    assert names_to_fill(with_names("Bar", Bar=Other), (1,), {}) == ()
    assert names_to_fill(with_names("Bar", Bar=None), (1,), {}) == ()
    module = types.ModuleType("other")
    assert names_to_fill(with_names("other.Bar", other=module), (1,), {}) == ()
    assert names_to_fill(with_names("bar.Bar", bar=barexec), (1,), {}) == ("progress",)
    assert names_to_fill(with_names("It", It=Bar), (1,), {}) == ("progress",)
    assert names_to_fill(with_names("It", " = 5", It=Bar), (1,), {}) == ("progress",)


def test_a_module_is_not_asked_for_what_may_cost_an_import() -> None:
    asked = []

    class Lazy(types.ModuleType):
        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            raise ImportError(name)

    assert names_to_fill(with_names("lazy.Frame", lazy=Lazy("lazy")), (1,), {}) == ()
    assert asked == []
    assert names_to_fill(with_names("lazy.Bar", lazy=Lazy("lazy")), (1,), {}) == ()
    assert asked == ["Bar"]


class Touchy(type):
    """A class that wants to be left alone."""

    def __getattr__(cls, name: str) -> Any:
        raise RuntimeError(name)

    def __eq__(cls, other: object) -> bool:
        raise RuntimeError

    def __hash__(cls) -> int:
        raise RuntimeError


class Alone(metaclass=Touchy):
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_whatever_an_annotation_is_nothing_is_raised() -> None:
    for annotation in (Alone, Alone(), 5, [Bar], {"x": Bar}, Ellipsis):

        def function(n, x, bar):  # type: ignore[no-untyped-def]
            return n, x, bar

        function.__annotations__["x"] = annotation
        assert set(names_to_fill(function, (1, 2), {})) <= {"bar"}
        assert names_to_fill(function, (1, 2, 3), {}) == ()


def test_only_unions_of_a_bar_and_none_mean_a_bar() -> None:
    def function(n, progress):  # type: ignore[no-untyped-def]
        return n, progress

    meanings: list[tuple[Any, tuple[str, ...]]] = [
        (Bar, ("progress",)),
        (Optional[Bar], ("progress",)),  # noqa: UP045
        (Union[None, Bar], ("progress",)),  # noqa: UP007
        (Bar | None, ("progress",)),
        (typing.ForwardRef("Bar"), ("progress",)),
        (list[Bar], ()),
        (type[Bar], ()),
        (Callable[[Bar], None], ()),
        (typing.Annotated[int, Bar], ()),
        (Bar | int, ()),
        (Bar | int | None, ()),
        (type(None), ()),
        (None, ()),
        (object, ()),
        (Any, ()),
    ]
    for annotation, names in meanings:
        # a function of its own, for what is known of one is kept
        own = types.FunctionType(function.__code__, globals())
        own.__annotations__ = {"progress": annotation}
        assert names_to_fill(own, (1,), {}) == names, annotation


LATE = """
from barexec.injection import to_fill

def names_to_fill(*call):
    return tuple(name for name, _ in to_fill(*call))

import typing
if typing.TYPE_CHECKING:
    from barexec import Bar
    from elsewhere import Missing

def boom():
    raise ZeroDivisionError

def hidden(n: Missing, progress: Bar): pass
def hidden_or_none(n: Missing, progress: Bar | None): pass
def hidden_with_default(n: Missing, progress: Bar | None = None): pass
def explodes(n: boom(), bar): pass
def explodes_too(n, bar: boom()): pass

for function in hidden, hidden_or_none, hidden_with_default, explodes:
    print(names_to_fill(function, (1,), {}))
names_to_fill(explodes_too, (1,), {})

from barexec import Bar
def local():
    from barexec import Bar as Local
    def function(n: Missing, progress: Local = None): pass
    return function
print(names_to_fill(local(), (1,), {}))
"""


@pytest.mark.skipif(sys.version_info < (3, 14), reason="annotations are evaluated early")
def test_annotations_that_wait_for_their_evaluation_do_no_harm(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(LATE)
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "('progress',)",
        "('progress',)",
        "()",
        "('bar',)",
        "('progress',)",
    ]


@given(
    st.lists(st.sampled_from(["a", "b", "bar", "progress"]), unique=True, min_size=1),
    st.lists(
        st.sampled_from(["", "=0", ": Bar", ": Bar = None", ": int", ": int = 0"]), min_size=4
    ),
    st.lists(st.sampled_from(["", "/", "*", "*args", "**kwargs"]), min_size=5, max_size=5),
    st.integers(0, 3),
    st.sets(st.sampled_from(["a", "b", "bar", "progress", "other"])),
)
def test_of_all_calls_those_that_are_valid_stay_as_they_are(
    names: list[str], kinds: list[str], marks: list[str], count: int, keywords: set[str]
) -> None:
    words = []
    for name, kind, mark in zip(names, kinds, marks, strict=False):
        words += [name + kind, mark]
    source = f"def function({', '.join(filter(None, words))}): return locals()"
    known: dict[str, Any] = {"Bar": Bar}
    try:
        exec(source, known)
    except SyntaxError:
        return
    function = known["function"]
    args, kwargs = tuple(range(count)), dict.fromkeys(sorted(keywords), "given")
    fill = names_to_fill(function, args, kwargs)
    ours = Bar()
    try:
        before = function(*args, **kwargs)
    except TypeError:
        before = None
    try:
        after = function(*args, **kwargs, **dict.fromkeys(fill, ours))
    except TypeError:
        assert before is None
        assert fill == ()
        return
    annotated = {name for name, kind in zip(names, kinds, strict=False) if kind[:5] == ": Bar"}
    assert all(after[name] is ours for name in fill)
    if before is not None:
        assert set(fill) <= annotated
        assert {k: v for k, v in after.items() if k not in fill} == {
            k: v for k, v in before.items() if k not in fill
        }
    else:
        assert set(fill) <= annotated | {"bar"}


# --- how it is done ------------------------------------------------------------------


def test_what_is_known_of_a_function_does_not_keep_it_alive() -> None:
    from weakref import ref

    def function(n: int, progress: Bar) -> None: ...

    assert tuple(candidates(function)) == ("progress",)
    alive = ref(function)
    del function
    assert alive() is None


def test_nothing_of_the_users_is_called() -> None:
    class Careful:
        def _called(self, *_: object) -> Any:
            raise AssertionError

        __eq__ = __hash__ = __bool__ = __len__ = __reduce__ = __repr__ = _called

    class Work:
        def __call__(self, n: object, progress: Bar) -> None:
            raise AssertionError

        def __repr__(self) -> str:
            raise AssertionError

    argument: Any = Careful()
    assert names_to_fill(Work(), (argument,), {}) == ("progress",)
    assert names_to_fill(Work(), (), {"n": argument}) == ("progress",)
    assert names_to_fill(Work(), (argument, argument), {}) == ()
    assert names_to_fill(argument, (), {}) == ()


def test_what_cannot_be_pickled_is_looked_at_all_the_same() -> None:
    function = lambda n, bar: (n, bar)  # noqa: E731
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(function)
    assert names_to_fill(function, (1,), {}) == ("bar",)


def test_inspect_is_not_needed_for_functions_without_a_bar() -> None:
    program = (
        "import sys; import barexec.injection as i\n"
        "before = 'inspect' in sys.modules\n"
        "assert i.to_fill(lambda n: n, (1,), {}) == ()\n"
        "assert ('inspect' in sys.modules) == before\n"
        "print('fine')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "fine\n", done.stderr
