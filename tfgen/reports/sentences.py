"""What figures mean, in words that need no other: quality, variety, memorising."""

from collections.abc import Callable, Sequence

from tfgen.evaluation.report import Figure, shown

# The figures that carry a report, where there are some; all others are folded away.
KEY = (
    "fid", "kid", "precision", "recall", "coverage", "nll", "negative_elbo", "reconstruction_error",
    "label_agreement", "mask_iou", "domain_error", "authenticity",
)  # fmt: skip


def sentences(figures: Sequence[Figure]) -> list[tuple[str, str]]:
    """(quality, variety or memorising, what is to be said of it), of what was measured.

    Args:
        figures: The newest of each name.
    """
    found = {f.plain_name: f for f in figures}
    said = []
    for name, ways in _WAYS.items():
        texts = [text for way in ways if (text := way(found))]
        if texts:
            said.append((name, " ".join(texts)))
    return said


def key_figures(figures: Sequence[Figure]) -> list[Figure]:
    """Those that carry the report, in the order of `KEY`."""
    found = {f.plain_name: f for f in figures}
    return [found[name] for name in KEY if name in found]


def _share(name: str, text: str) -> Callable:
    def say(found):
        one = found.get(name)
        return None if one is None else text.format(f"{one.value:.0%}", _between(one))

    return say


def _number(name: str, text: str) -> Callable:
    def say(found):
        one = found.get(name)
        return None if one is None else text.format(shown(one.value), one.unit or "")

    return say


def _between(figure):
    low, high = f"{figure.low:.0%}", f"{figure.high:.0%}"
    return f" (between {low} and {high})" if figure.interval() != "-" and low != high else ""


def _similar(found):
    one, real = found.get("ms_ssim"), found.get("ms_ssim_of_real")
    if one is None or real is None:
        return None
    less = one.value > real.value + 0.05
    verdict = "samples resemble each other more than they should" if less else "as they should"
    return (
        f"Two samples are alike to {one.value:.2f} (1 is the same picture), two real pictures to "
        f"{real.value:.2f}: {verdict}."
    )


def _memorised(found):
    one, real = found.get("authenticity"), found.get("authenticity_of_real")
    if one is None:
        return None
    text = (
        f"{one.value:.0%} of the samples are no nearer to a training picture than training "
        "pictures are to each other"
    )
    if real is None:
        return f"{text}; the others may be copies."
    copied = one.value < real.value - 0.1
    verdict = (
        "the model seems to copy some of its training pictures: look at the nearest ones below"
        if copied
        else "nothing speaks for copying"
    )
    return f"{text}; of new real pictures it is {real.value:.0%}. So {verdict}."


_WAYS: dict[str, tuple[Callable, ...]] = {
    "Quality": (
        _share(
            "precision",
            "{}{} of the samples lie where real pictures lie, for the network that looks at them.",
        ),
        _number(
            "fid",
            "The distance between all samples and all real pictures (FID) is {}; 0 would be no "
            "difference, and only figures of the same feature network and number of pictures "
            "compare.",
        ),
        _number("nll", "A picture that it has not seen costs {} {} to write down by this model."),
        _number("negative_elbo", "A picture that it has not seen costs at most {} {}."),
        _number("reconstruction_error", "Pictures come back with an error of {} {}."),
        _share("label_agreement", "{}{} of the samples are of the class that was asked for."),
    ),
    "Variety": (
        _share("recall", "{}{} of the real pictures lie where the model can make samples."),
        _share("coverage", "{}{} of the real pictures have a sample close by."),
        _similar,
    ),
    "Memorising": (_memorised,),
}
