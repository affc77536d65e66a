"""How sphinx-gallery runs the scripts in examples/."""

from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
PICTURES = Path(__file__).parents[1] / "_build" / "pictures"
FETCHES = {"mnist_glow"}  # unless it is told to be quick
FIRST = ["quickstart", "two_moons", "compare_densities", "sample_size"]


class Order:
    """From the first steps to what is special; sphinx-gallery sorts file names by it."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, filename):
        """Key to sort by."""
        name = Path(filename).stem
        return (FIRST.index(name) if name in FIRST else len(FIRST), name)


def stored():
    """Scripts that take minutes: they name a stored picture, and are shown without execution."""
    scripts = sorted(EXAMPLES.glob("[!_]*.py"))
    return [s.stem for s in scripts if "sphinx_gallery_thumbnail_path" in s.read_text()]


def arguments(gallery_conf, script_vars):
    """Arguments of a script: where its picture goes, which is not beside the sources."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    name = Path(script_vars["src_file"]).stem
    return [str(PICTURES / f"{name}.png"), *(["--quick"] if name in FETCHES else [])]
