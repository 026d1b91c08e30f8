"""What the site takes from the code and from files of the root: a hook of mkdocs.

A line `<!-- commands -->`, `<!-- config -->`, `<!-- zoo -->`, `<!-- file NAME -->` or
`<!-- notebook NAME -->` of a page is replaced by the help of every command, by every key of a
config with its default and meaning, by the table of trained models, by a file, or by a notebook
with what its cells gave.
"""

import inspect
import json
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent


def on_config(config):
    """Copies the sources to where a module's path is its name: export/ is tfgen.export."""
    place = ROOT / "build" / "site"
    shutil.rmtree(place, ignore_errors=True)
    for name, to in (("tfgen", "tfgen"), ("export", "tfgen/export"), ("serving", "tfgen/serving")):
        shutil.copytree(ROOT / name, place / to, ignore=_all_but_sources)
    return config


def _all_but_sources(folder, names):
    return [n for n in names if not n.endswith(".py") and not Path(folder, n).is_dir()]


def on_page_markdown(markdown, page, **_):
    parts = {"commands": commands, "config": keys, "file": file, "notebook": notebook, "zoo": zoo}
    return re.sub(
        r"^<!-- (commands|config|file|notebook|zoo) ?(.*?) -->$",
        lambda found: parts[found[1]](*filter(None, [found[2]])),
        markdown,
        flags=re.M,
    )


def commands():
    """The help of each command, in the order of the work."""
    from tfgen.cli.main import parser

    (table,) = (a.choices for a in parser()._actions if a.dest == "command")
    return "\n\n".join(_help(name, one) for name, one in table.items())


def _help(name, one, depth="##"):
    """The help of a command, and below it of the commands that it has itself."""
    own = [a.choices for a in one._actions if a.dest in ("experiment", "action")]
    inner = [_help(f"{name} {n}", o, "###") for table in own for n, o in table.items()]
    return "\n\n".join([f"{depth} {name}\n\n```text\n{one.format_help().strip()}\n```", *inner])


def keys():
    """The keys of each section that is the same for all models, and of each model."""
    from tfgen import construct, data
    from tfgen.models import MODELS
    from tfgen.training import options

    sections = {
        "data": data.load,
        "fit": options.FitOptions,
        "run": options.RunOptions,
        "evaluation": options.EvaluationOptions,
    }
    parts = [_table(f"`{name}`", function) for name, function in sections.items()]
    parts += [_table(f"`model` with `name: {name}`", kind) for name, kind in MODELS.items()]
    parts += [
        _table(f"optimizer with `name: {name}`", construct.entry(construct.OPTIMIZERS, name))
        for name in construct.OPTIMIZERS
    ]
    return "\n\n".join(parts)


def _table(title, function):
    from tfgen import construct

    meanings = _meanings(inspect.getdoc(function) or "")
    if inspect.isclass(function):
        meanings |= _meanings(inspect.getdoc(function.__init__) or "")
    rows = [f"## {title}\n", "| key | default | meaning |", "|---|---|---|"]
    for name, parameter in construct.parameters(function).items():
        if name in ("seed", "name", "start"):
            continue
        default = parameter.default
        default = list(default) if isinstance(default, tuple) else default
        shown = "needed" if default is parameter.empty else f"`{default!r}`"
        rows.append(f"| `{name}` | {shown} | {meanings.get(name, '')} |")
    return "\n".join(rows)


def _meanings(text):
    """Argument -> what a docstring of Google's style says of it, on one line."""
    found, names = {}, []
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", text, re.M | re.S)
    for line in (section[1] if section else "").splitlines():
        match = re.match(r" {2,4}([\w, *]+?)(?: \(.*?\))?: (.*)", line)
        if match and not line.startswith("     "):
            names = [name.strip(" *") for name in match[1].split(",")]
            found |= dict.fromkeys(names, match[2])
        else:
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return {name: _cell(words) for name, words in found.items()}


def _cell(words):
    return words.strip().replace("|", "\\|").replace("<", "&lt;")


def zoo():
    """A row for each trained model: its family's page, what it is, its data, size and command."""
    from tfgen.models import MODELS
    from tfgen.zoo import shelf

    rows = ["| family | what | data | MB | command |", "|---|---|---|---|---|"]
    order = {name: number for number, name in enumerate(MODELS)}
    for entry in sorted(shelf.entries(), key=lambda e: order[e.model]):
        family = f"[{MODELS[entry.model].__name__}](models/{entry.model}.md)"
        shape = "x".join(map(str, entry.image_shape))
        size = entry.weights.stat().st_size / 1e6
        data = f"`{entry.data}`, {shape}; {entry.data_license}"
        line = " ".join([entry.line + ".", *entry.notes])
        command = f"`tfgen sample zoo:{entry.name}`"
        rows.append(f"| {family} | {line} | {data} | {size:.2f} | {command} |")
    return "\n".join(rows)


def file(name):
    """A file of the root, whose links are those of a page."""
    text = (ROOT / name).read_text(encoding="utf-8")
    if name.endswith(".cff"):
        return f"```yaml\n{text}```"
    text = text.replace("](docs/", "](").replace("](CHANGELOG.md", "](changelog.md")
    return text.replace("](CONTRIBUTING.md", "](contributing.md")


def notebook(name):
    """The cells of a notebook of docs/notebooks with what they gave, and the file itself."""
    book = json.loads((ROOT / "docs" / "notebooks" / name).read_text(encoding="utf-8"))
    parts = []
    for cell in book["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(text)
            continue
        parts.append(f"```python\n{text}\n```")
        parts += [_given(output) for output in cell["outputs"]]
    parts.append(f"[This page as a notebook]({name})")
    return "\n\n".join(filter(None, parts))


def _given(output):
    """What a cell gave, as Markdown: a picture or a text."""
    data = output.get("data", {})
    if "image/png" in data:
        png = "".join(data["image/png"]).replace("\n", "")
        return f"![What the cell gave](data:image/png;base64,{png})"
    text = "".join(data.get("text/plain", output.get("text", "")))
    return f"```text\n{text.rstrip()}\n```" if text.strip() else ""
