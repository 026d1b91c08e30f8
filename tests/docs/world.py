"""The folder in which the documented commands are typed, with what the pages take for granted."""

import os
import re
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
from PIL import Image

from tests.docs import small
from tests.docs.blocks import ROOT
from tfgen.cli.main import main

# Runs and exports that pages speak of and that others make: how they come to be.
RUNS = {
    "dcgan": "dcgan_mnist",
    "vae": "vae_mnist5k",
    "a": "gan_digits",
    "b": "gan_digits",
    "c": "gan_digits",
    "digits": "texttoimage_digits",
    "labelled": "conditionalgan_digits",
    "horses": "cyclegan_digits",
}
# Export -> its run, and how many versions there are.
EXPORTS = {"dcgan": ("dcgan", 2), "digits": ("labelled", 1), "horses": ("horses", 1)}


class Parsed(Exception):
    """A program has read its arguments, which is all that is asked of it."""


class World:
    """A folder like a clone's: configs, pictures, trained runs, exports, a server of these."""

    def __init__(self, folder: Path, patch):
        self.folder, self.patch = folder, patch
        self.processes: list[subprocess.Popen] = []
        self.port: str | None = None
        self.served: set[str] = set()
        shutil.copytree(ROOT / "configs", folder / "configs")
        for name, side in (("pictures", 8), ("horses", 32), ("zebras", 32)):
            _pictures(folder / name, side, 20)
        _pictures(folder / "birds", 16, 80)
        for split in ("train", "test"):
            for name in ("automobile", "horse", "ship", "truck"):
                _pictures(folder / "photos" / split / name, 32, 20)
        captions = "".join(f"{n}.png,a small bird with {n} feathers\n" for n in range(80))
        (folder / "birds" / "captions.csv").write_text(f"file_name,text\n{captions}")
        for name in ("horse", "one", "two", "three"):
            (folder / f"{name}.png").write_bytes((folder / "pictures" / "0.png").read_bytes())
        Image.new("L", (8, 8), 90).save(folder / "horse.png")
        for name, config in RUNS.items():
            more = [f"seed={'abc'.index(name)}"] if name in "abc" else []
            self.tfgen(["train", config, "--run", f"runs/{name}", *more])
        for name in ("dcgan", "vae", "a", "b"):
            self.tfgen(["evaluate", f"runs/{name}", "--metrics", "swd"])

    def begin(self, exports):
        """Before a page: a server of its own, and the exports that pages speak of.

        Without `exports` for README.md, which makes the first two versions itself.
        """
        self.close()
        Path("configs/mine.yaml").unlink(missing_ok=True)  # Each page makes its own.
        shutil.rmtree("runs/mine", ignore_errors=True)
        for name, (run, versions) in EXPORTS.items() if exports else ():
            formats = [] if name == "dcgan" else ["--formats", "saved_model"]
            while not Path("exports", name, str(versions)).exists():
                self.tfgen(["export", f"runs/{run}", "--to", f"exports/{name}", *formats])
            for later in Path("exports", name).glob("[0-9]*"):
                if int(later.name) > versions:
                    shutil.rmtree(later)

    def close(self):
        """Ends the servers that were started, as Ctrl-C does."""
        self.port = None
        while self.processes:
            process = self.processes.pop()
            process.send_signal(signal.SIGINT)
            process.wait(30)
            process.stdout.close()

    def tfgen(self, argv):
        """`tfgen` in this process, cut down."""
        try:
            status = main(small.command(argv))
        except SystemExit as ended:  # As --help does.
            status = ended.code
        assert status == 0, f"tfgen {shlex.join(argv)}: exit status {status}"

    def serve(self, path):
        """The port of `tfgen serve PATH`, which is started."""
        command = [sys.executable, "-m", "tfgen", "serve", path, "--rest-port", "-1"]
        process = subprocess.Popen(
            [*command, "--grpc-port", "-1"], stdout=subprocess.PIPE, text=True, cwd=self.folder
        )
        self.processes.append(process)
        for line in process.stdout:
            if line.startswith("page"):
                return re.search(r":(\d+)/", line)[1]
        raise AssertionError(f"tfgen serve {path} ended with {process.wait()} before its page.")

    def serve_data(self, words):
        """`tfgen data dispatcher` or `worker`, started, once it says that it is there."""
        process = subprocess.Popen(
            [sys.executable, "-m", *words], stdout=subprocess.PIPE, text=True, cwd=self.folder
        )
        self.processes.append(process)
        assert process.stdout.readline(), f"{shlex.join(words)} ended with {process.wait()}."

    def address(self, text):
        """The text with the port of a server of all exports in place of the documented one."""
        if "8501" in text and self.port is None:
            self.port = self.serve("exports")
        return text.replace("8501", self.port or "")

    def shell(self, text):
        """What the command prints, by bash.

        Raises:
            AssertionError: It ends with another status than 0.
        """
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", self.address(text)],
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=60,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def module(self, argv, arguments_only=False):
        """`python -m MODULE ...` in this process."""
        with self.patch.context() as patch:
            if arguments_only:
                whole = ArgumentParser.parse_args

                def parse_args(*given, **more):
                    whole(*given, **more)
                    raise Parsed

                patch.setattr(ArgumentParser, "parse_args", parse_args)
            patch.setattr(sys, "argv", argv)
            try:
                runpy.run_module(argv[0], run_name="__main__", alter_sys=True)
            except Parsed:
                pass
            except SystemExit as end:
                assert not end.code, f"python -m {shlex.join(argv)}: exit status {end.code}"


def _pictures(folder, side, count):
    """Colour pictures of noise."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng([*f"{folder.parent.name}/{folder.name}".encode()])
    for n in range(count):
        pixels = draw.integers(0, 256, (side, side, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.png")


def environment(patch, folder):
    """A home of its own, and the sources of this checkout for every process."""
    patch.chdir(folder)
    patch.setenv("TFGEN_CACHE_DIR", str(folder / "cache"))
    patch.setenv("HF_HOME", str(folder / "home"))
    patch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
