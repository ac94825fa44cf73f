"""A number means the same in each format: what one refuses, no other rounds."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh_pipelines.landing import strict_json
from mesh_pipelines.landing.files import FileLanding
from mesh_pipelines.landing.records import MalformedFile
from mesh_pipelines.landing.strict_json import count_json
from mesh_pipelines.orchestration.run import run
from mesh_pipelines.shared import shared_resources
from quality.contract import Contract
from quality.rows import RowAudit
from resources.store import FolderStore
from tests.mesh_pipelines.run_reports import statuses
from tests.mesh_pipelines.small_domains import World, promise, read_promise

pytestmark = pytest.mark.odd_input("the parser's leniency", "lost")

COLUMNS = {"id": "integer", "price": "number", "note": "string"}
STAND = [
    "0.1", "40.712776", "-73.98765432101234", "0.30000000000000004", "1e300", "5e-324", "0.0", "-0.0", "0e-400",
    "1.7976931348623157e308", "0.12345678901234567", "0.1000000000000000055511151231257827021181583404541015625",
    "9007199254740992", "12.50",
]  # fmt: skip
FALL = [
    "12345678901234567.5", "1e-400", "0.1" + "3" * 39, "9007199254740993", "9007199254740993.0", "1.5e-324",
    "123456789.123456789123", "1234567890123456789e-1", "0." + "0" * 330 + "1",
]  # fmt: skip


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """A key, a number and a text."""
    return read_promise(
        tmp_path_factory.mktemp("contracts"), promise("shop", "prices_raw", COLUMNS), stage="source"
    )


def landed(folder: Path, contract: Contract, files: Mapping[str, bytes]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Good and refused rows of some files, by the way that a source's step takes."""
    (folder / "shop").mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / "shop" / name).write_bytes(content)
    landing = FileLanding(FolderStore(str(folder)), "shop", "*")
    rows = landing.read([one for one in landing.look({}).inputs if one.name in files], contract)
    frame = rows.frame.collect()
    assert frame.height == rows.records
    split = RowAudit(contract).split(frame)
    return split.good, split.bad


def csv_of(numbers: list[str]) -> bytes:
    """A CSV with a row a number."""
    return "".join(["id,price,note\n", *(f"{at},{n},e-\n" for at, n in enumerate(numbers))]).encode()


def json_of(numbers: list[str]) -> bytes:
    """The same as JSON lines."""
    return "".join(f'{{"id":{at},"price":{n},"note":"e-"}}\n' for at, n in enumerate(numbers)).encode()


@pytest.mark.parametrize("text", STAND)
def test_a_number_stands_in_each_format(tmp_path: Path, contract: Contract, text: str) -> None:
    """With the value that Python reads."""
    for name, content in {"a.csv": csv_of(["1", text]), "b.jsonl": json_of(["1", text])}.items():
        good, bad = landed(tmp_path, contract, {name: content})
        assert (good["price"].to_list(), bad.height) == ([1.0, float(text)], 0)


@pytest.mark.parametrize("text", FALL)
@pytest.mark.parametrize("escaped", [False, True])
def test_a_number_falls_in_each_format(tmp_path: Path, contract: Contract, text: str, escaped: bool) -> None:
    """Its row alone goes to quarantine, with the digits that landed."""
    lines = json_of(["1", text, "2.5"])
    lines = lines.replace(b'"note"', b'"n\\u006fte"') if escaped else lines
    for name, content in {"a.csv": csv_of(["1", text, "2.5"]), "b.jsonl": lines}.items():
        good, bad = landed(tmp_path, contract, {name: content})
        assert good["price"].to_list() == [1.0, 2.5]
        assert bad.select("price", "_row", "_rules").rows() == [(text, 2, ["price_type"])]


json_numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(json.dumps),
    st.integers(-(10**20), 10**20).map(str),
    st.tuples(st.integers(0, 10**18), st.integers(0, 10**20)).map(lambda p: f"{p[0]}.{p[1]:020d}"),
    st.tuples(st.integers(-(10**19), 10**19), st.integers(-400, 280)).map(lambda p: f"{p[0]}e{p[1]}"),
    st.tuples(st.integers(0, 99), st.integers(-400, 280)).map(lambda p: f"-0.{p[0]}E{p[1]}"),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    numbers=st.lists(json_numbers, min_size=1, max_size=6),
    chunk=st.integers(20, 200),
    spaced=st.booleans(),
    blank=st.booleans(),
)
def test_json_gives_what_csv_gives(
    tmp_path: Path, contract: Contract, numbers: list[str], chunk: int, spaced: bool, blank: bool
) -> None:
    """The same rows stand with the same values, the same rows fall, wherever the blocks end."""
    lines = json_of(numbers)
    lines = lines.replace(b'"price":', b'"price": ').replace(b',"note"', b' , "note"') if spaced else lines
    lines = lines.replace(b"\n", b"\n\n", 1) if blank else lines
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strict_json, "_CHUNK", chunk)
        good, bad = landed(tmp_path, contract, {"b.jsonl": lines})
    same, fallen = landed(tmp_path, contract, {"a.csv": csv_of(numbers)})
    assert good.select("id", "price").equals(same.select("id", "price"))
    assert bad["id"].to_list() == fallen["id"].to_list()
    for text, row in bad.select("price", "id").iter_rows():
        assert Decimal(text) == Decimal(numbers[int(row)])


@pytest.mark.parametrize(
    ("text", "value", "refused"),
    [
        ("1.0", 1, False), ("1e3", 1000, False), ("9007199254740994.0", 2**53 + 2, False), ("1e16", 10**16, False),
        ("9007199254740993.0", None, True), ("1e-400", None, True), ("1.00000000000000000001", None, True),
        ("9007199254740993", 2**53 + 1, False), ("9223372036854775808", None, True), ("1e400", None, True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("after", ["", ',"note":"x"'])
def test_an_integer_is_never_made_of_a_rounded_number(
    tmp_path: Path, contract: Contract, text: str, value: int | None, refused: bool, after: str
) -> None:
    """What is a whole number as it is written stands; what only becomes one is refused."""
    lines = f'{{"price":1,"id":1,"note":"x"}}\n{{"price":1,"id":{text}{after}}}\n{{"price":1,"id":3,"note":"x"}}\n'
    if text == "1e400":
        with pytest.raises(pl.exceptions.ComputeError):
            landed(tmp_path, contract, {"b.jsonl": lines.encode()})
        return
    good, bad = landed(tmp_path, contract, {"b.jsonl": lines.encode()})
    assert bad.select("id", "_row").rows() == ([(text, 2)] if refused else [])
    assert good["id"].to_list() == ([1, 3] if refused else [1, value, 3])


def test_a_file_of_such_numbers_alone_is_refused_by_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept beside the rows has a limit."""
    monkeypatch.setattr(strict_json, "_KEPT", 10)
    lines = json_of(["0.12345678901234567890123"] * 11)
    with pytest.raises(MalformedFile, match="more than 10 numbers in `price`"):
        count_json(io.BytesIO(lines), list(COLUMNS), ["note"], ["price"])
    few = json_of(["0.12345678901234567890123"] * 10)
    assert len(count_json(io.BytesIO(few), list(COLUMNS), ["note"], ["price"]).exact["price"]) == 10


def test_a_mesh_run_publishes_the_same_of_each_format(world: World) -> None:
    """Rows that stand are published, the others in quarantine with their digits, and what is nested is named."""
    columns = {"id": "integer", "price": "number"}
    names = ("csv", "json", "parquet")
    world.write(
        "shop",
        *(promise("shop", name, columns, tolerance=90) for name in (*names, "nested")),
        sources='csv = source("a.csv")\njson = source("a.jsonl")\nparquet = source("a.parquet")\n'
        'nested = source("n.jsonl")',
    )
    numbers = ["0.1", "12345678901234567.5", "40.712776", "0.33333333333333333333"]
    folder = Path(
        world.land("shop", "a.csv", csv_of(numbers).decode().replace(",note", "").replace(",e-", ""))
    )
    folder.with_name("a.jsonl").write_bytes(json_of(numbers).replace(b',"note":"e-"', b""))
    decimals = pl.Series([Decimal(number) for number in numbers], dtype=pl.Decimal(38, 20))
    pl.DataFrame({"id": range(4), "price": decimals}).write_parquet(folder.with_name("a.parquet"))
    folder.with_name("n.jsonl").write_text('{"id":1,"secret":{"price":1}}\n')
    report = run()
    assert statuses(report) == {**{f"shop.{name}": "done" for name in names}, "shop.nested": "failed"}
    message = next(step.message for step in report.steps if step.key == "shop.nested")
    assert "n.jsonl: has price within a list or an object" in message
    assert "secret" not in message
    lake = shared_resources().lake
    for name in names:
        with lake.reading(f"shop.{name}"), lake.reading(f"shop.{name}__quarantine"):
            good = lake.scan(f"shop.{name}").collect()
            bad = lake.scan(f"shop.{name}__quarantine").collect()
        assert good["price"].to_list() == [0.1, 40.712776]
        assert [Decimal(text) for text in bad["price"]] == [Decimal(numbers[1]), Decimal(numbers[3])]
