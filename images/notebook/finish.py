# ruff: noqa: INP001  # run once by the build with the environment's own Python; no module of a package
"""What is done to a notebook's environment after pip: the same in the image and where no Docker is.

- the sandbox's client is found under ``/opt/sandbox-client``;
- figures have Chinese labels: matplotlib looks for a glyph in the next font where the first has none;
- packages' own tests and headers are left out, they are never run here;
- everything is compiled, because nothing can be written where it runs.
"""

import compileall
import shutil
import sysconfig
from pathlib import Path

from matplotlib.font_manager import get_font_names

CLIENT = "/opt/sandbox-client\n"
CHINESE = ("Droid Sans Fallback", "WenQuanYi Micro Hei", "Noto Sans CJK SC", "Noto Sans CJK JP")
"""Fonts that draw Chinese, of which the image has the first; elsewhere the first that the machine has counts."""
UNWANTED = (
    "matplotlib/tests",
    "pandas/tests",
    "scipy/**/tests",
    "sklearn/**/tests",
    "statsmodels/**/tests",
    "pyarrow/tests",
    "pyarrow/include",
    "pyarrow/src",
)

packages = Path(sysconfig.get_path("purelib"))
(packages / "sandbox-client.pth").write_text(CLIENT)
for pattern in UNWANTED:
    for folder in sorted(packages.glob(pattern)):
        shutil.rmtree(folder, ignore_errors=True)  # one inside another that is gone already


def replace(file: Path, old: str, new: str) -> None:
    """Replace what stands in ``file`` exactly once; anything else is another version than this knows."""
    text = file.read_text()
    if text.count(old) != 1:
        raise SystemExit(f"{file} does not hold {old!r} once.")
    file.write_text(text.replace(old, new))


fonts = [name for name in CHINESE if name in get_font_names()]
if fonts:
    # A family of its own, because of a generic family's fonts only the first that exists is looked at.
    both = f"['sans-serif', {fonts[0]!r}]"
    replace(
        packages / "matplotlib" / "mpl-data" / "matplotlibrc",
        "#font.family:  sans-serif\n",
        f"#font.family: sans-serif, {fonts[0]}\n",
    )
    # seaborn sets families of its own over matplotlib's
    theme = packages / "seaborn" / "rcmod.py"
    replace(theme, 'font="sans-serif"', f"font={both}")
    replace(theme, '"font.family": ["sans-serif"]', f'"font.family": {both}')
compileall.compile_dir(packages, quiet=1, workers=0)
