"""Precision, recall, density and coverage."""
# Written next.


def precision_recall_density_coverage(real, fake, nearest=5) -> dict[str, float]:
    raise NotImplementedError
