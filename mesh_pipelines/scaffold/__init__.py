"""``mesh new domain``: a small domain that works at once, for its team to replace piece by piece."""

from __future__ import annotations

import math
import random
import re
from datetime import date, timedelta
from keyword import iskeyword
from pathlib import Path
from string import Template

import yaml

from mesh_pipelines.errors import MeshError

_TEMPLATE = Path(__file__).parent / "template"
_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")


def new_domain(name: str, root: Path) -> list[Path]:
    """Write a small working domain, its sample data and its line in ``workspace.yaml``.

    Args:
        name: the domain's name: lower case letters, digits and underscores.
        root: the folder of ``workspace.yaml``.

    Returns:
        The files written, ``workspace.yaml`` last.

    Raises:
        MeshError: the name is no name, or is taken.
    """
    from resources.settings import get_settings

    if not _NAME.fullmatch(name) or "__" in name or iskeyword(name):
        raise MeshError(
            f"{name!r} cannot be a domain's name",
            remedy="use lower case letters, digits and single underscores, beginning with a letter: customer_care",
        )
    folder = root / "domains" / name
    if folder.exists():
        raise MeshError("a domain of this name exists", where=f"domains/{name}", remedy="choose another name")
    written: list[Path] = []
    for template in sorted(_TEMPLATE.rglob("*.tmpl")):
        target = folder / template.relative_to(_TEMPLATE).with_suffix("")
        text = Template(template.read_text(encoding="utf-8")).substitute(
            name=name, Title=name.replace("_", " ").capitalize()
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        written.append(target)
    landing = get_settings().landing_folder / name / "readings.csv"
    landing.parent.mkdir(parents=True, exist_ok=True)
    landing.write_text(_sample(), encoding="utf-8")
    written.append(landing)
    workspace = root / "workspace.yaml"
    known = _entries(workspace.read_text(encoding="utf-8") if workspace.exists() else "")
    entry = (
        f"  - python_module:\n      module_name: domains.{name}.definitions\n      location_name: {name}\n"
    )
    workspace.write_text(f"{known}\n{entry}", encoding="utf-8")
    return [*written, workspace]


def _entries(text: str) -> str:
    """A workspace's text up to where the next entry goes; comments stay."""
    if not (yaml.safe_load(text) or {}).get("load_from"):
        text = re.sub(r"^load_from:.*$", "", text, flags=re.MULTILINE).rstrip() + "\nload_from:"
    return text.strip()


def _sample(machines: int = 12, days: int = 90, seed: int = 7) -> str:
    """Readings of made-up machines: the hotter and the more shaken, the likelier a repair the day after."""
    random_ = random.Random(seed)
    lines = ["machine,day,temperature,vibration,repaired"]
    start = date(2026, 1, 1)
    for number in range(machines):
        wear = random_.uniform(0, 2)
        for offset in range(days):
            temperature = 55 + 8 * wear + random_.gauss(0, 4)
            vibration = max(0.0, 1 + 1.2 * wear + random_.gauss(0, 0.5))
            chance = 1 / (1 + math.exp(-(0.25 * (temperature - 68) + 1.5 * (vibration - 3))))
            repaired = random_.random() < chance
            wear = 0.0 if repaired else wear + random_.uniform(0, 0.15)
            day = start + timedelta(days=offset)
            lines.append(f"m{number:02d},{day},{temperature:.2f},{vibration:.3f},{str(repaired).lower()}")
    return "\n".join(lines) + "\n"
