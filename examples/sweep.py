"""A parameter sweep: a bar for each run, in its own row, nested where the loops are."""

from __future__ import annotations

from math import sin

from barexec import ProgressPoolExecutor, current_bar, track


def lyapunov(r: float, epochs: int = 40, steps: int = 30_000) -> float:
    """The Lyapunov exponent of the map x → r sin(πx), by plain iteration."""
    from math import cos, log, pi

    x, total = 0.4, 0.0
    for epoch in track(range(epochs), unit="epoch"):
        for _ in track(range(steps), desc="steps"):
            total += log(max(1e-12, abs(r * pi * cos(pi * x))))
            x = r * sin(pi * x)
        current_bar().postfix = {"λ": total / ((epoch + 1) * steps)}
    return total / (epochs * steps)


def main() -> None:
    rates = [0.70 + 0.03 * k for k in range(10)]
    with ProgressPoolExecutor(desc="sweep") as ex:
        exponents = list(ex.options(desc="r = {:.2f}".format).map(lyapunov, rates))
    for r, exponent in zip(rates, exponents, strict=True):
        print(f"r = {r:.2f}  λ = {exponent:+.3f}  {'chaos' if exponent > 0 else ''}".rstrip())


if __name__ == "__main__":
    main()
