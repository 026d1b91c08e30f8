"""The record of an export as lines for people."""


def lines(report: dict):
    """What `tfgen export` prints below the version: signatures, errors, variants."""
    yield f"  signatures: {', '.join(report['signatures'])}"
    worst = largest(report["verification"]["max_abs_error"])
    yield f"  largest error against Keras: {worst:.1e}"
    for variant, table in report.get("quantized", {}).items():
        for name, entry in table.items():
            yield f"  {variant} {name}: {_variant(entry)}"


def _variant(entry):
    if "error" in entry:
        return f"left out: {entry['error']}"
    size = f"{entry['bytes'] / entry['float32_bytes']:.0%} of the size"
    parts = [size]
    for output, found in entry["outputs"].items():
        text = f"{output} differs by {found['mean']:.1e} (at most {found['max']:.1e})"
        if found.get("psnr_db") is not None:
            text += f", PSNR {found['psnr_db']:.1f} dB"
        parts.append(text)
    if entry.get("pictures"):
        test = entry["pictures"]
        parts.append(f"two-sample test p = {test['p']:.2f} (float32: {test['float32_p']:.2f})")
    return "; ".join(parts)


def largest(errors: dict | float) -> float:
    """The largest number in nested dicts."""
    if isinstance(errors, dict):
        return max((largest(error) for error in errors.values()), default=0.0)
    return float(errors)
