"""The next version of a table, planned without a lake: content, files that stay, and when nothing is to be done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_pipelines.errors import DefinitionError
from resources.lake.commit import Base, CommitPlan, Scope, StagedContent, plan_commit
from resources.lake.delta_log import NewFile
from resources.lake.digest import ContentDigest
from resources.lake.layout import LakeFile, Layout
from resources.lake.shape import Shape

NOW = dt.datetime(2013, 1, 1, tzinfo=dt.UTC)
LAYOUT = Layout()
SHAPE = Shape("shop.orders", {"month": pl.String()}, {"month": "public"}, "month", gathered=False)
INFO = {"code_version": "a", "run_id": "1"}
MONTHS = st.dictionaries(st.sampled_from(["01", "02", "03", "04"]), st.integers(1, 9))


def digest(rows: int) -> ContentDigest:
    """Content of that many rows."""
    return ContentDigest(rows * 7, rows * 13, rows)


def file(partition: str, number: int = 0, layout: str = LAYOUT.id) -> LakeFile:
    """A data file of a partition."""
    folder = f"shop/orders/month={partition}" if partition else "shop/orders"
    return LakeFile(partition, f"{folder}/part-t{partition}-{number:05d}-k{layout}-{'0' * 64}.parquet", 1, 1)


def candidate(months: Mapping[str, int], shape: Shape = SHAPE) -> StagedContent:
    """Staged months, each with its rows in one file of its own."""
    files = [NewFile(file(month, 9), "{}") for month in months]
    parts = {month: digest(rows) for month, rows in months.items()}
    return StagedContent(shape, LAYOUT, parts, files, "publish", "token")


def base(months: Mapping[str, int], info: Mapping[str, Any] = INFO) -> Base:
    """Published months, each with its rows in one file of its own."""
    plan = plan_commit(candidate(months), None, Scope("all", set()), info, NOW)
    return Base(plan.publication.at(3), [file(month) for month in months], {})


def planned(
    months: Mapping[str, int],
    before: Base | None,
    how: Literal["all", "partitions", "append"],
    **options: Any,
) -> CommitPlan:
    """The plan for staged months in place of those of the version before."""
    scope = Scope(how, {*months, *options.pop("emptied", ())})
    return plan_commit(candidate(months), before, scope, options.pop("info", INFO), NOW, **options)


def test_a_first_version_is_the_candidate() -> None:
    """All its files come in, and none goes."""
    plan = planned({"01": 1, "02": 2}, None, "all")
    assert [new.file.partition for new in plan.add] == ["01", "02"]
    assert (plan.remove, plan.shared, plan.reused, plan.unchanged) == ((), (), (), False)
    assert (plan.publication.rows, plan.publication.info) == (3, INFO)
    assert plan.publication.layouts == {LAYOUT.id: LAYOUT}


@given(before=MONTHS, now=MONTHS, how=st.sampled_from(["all", "partitions", "append"]))
def test_the_next_version_holds_what_its_scope_says(
    before: dict[str, int], now: dict[str, int], how: Literal["all", "partitions", "append"]
) -> None:
    """Whichever months meet: content by month, and exactly the files of replaced months go."""
    plan = planned(now, base(before), how, info={"code_version": "b"}, reuse=False)
    expected = {
        "all": now,
        "partitions": before | now,
        "append": {m: before.get(m, 0) + now.get(m, 0) for m in before | now},
    }[how]
    assert {name: part.rows for name, part in plan.publication.partitions.items()} == expected
    assert plan.publication.rows == sum(expected.values())
    gone = {"all": set(before), "partitions": set(before) & set(now), "append": set[str]()}[how]
    assert {one.partition for one in plan.remove} == gone
    assert {new.file.partition for new in plan.add} == set(now)
    assert plan.whole == (how == "all")
    assert plan.shared == ()


def test_a_month_that_is_named_without_rows_is_emptied() -> None:
    """Its file goes, and the record knows nothing of it any more."""
    plan = planned({}, base({"01": 1, "02": 2}), "partitions", emptied=["01"])
    assert set(plan.publication.partitions) == {"02"}
    assert [one.partition for one in plan.remove] == ["01"]


def test_the_same_content_and_info_is_no_version() -> None:
    """Another run alone changes nothing; the files that say so are named, to be checked."""
    before = base({"01": 1, "02": 2})
    plan = planned({"02": 2, "01": 1}, before, "all", info={**INFO, "run_id": "2"})
    assert plan.unchanged
    assert plan.publication is before.publication
    assert plan.reused == before.files


def test_new_info_on_the_same_content_is_a_version_without_files() -> None:
    """Nothing comes in and nothing goes; the layouts of the old files stay known."""
    plan = planned({"01": 1}, base({"01": 1}), "all", info={"code_version": "b"})
    assert (plan.unchanged, plan.add, plan.remove, plan.whole) == (False, (), (), False)
    assert plan.publication.info == {"code_version": "b"}
    assert plan.publication.layouts == {LAYOUT.id: LAYOUT}


def test_damaged_files_are_not_reused() -> None:
    """The same rows are then written, in place of the files that hold them no more."""
    before = base({"01": 1})
    plan = planned({"01": 1}, before, "all", reuse=False)
    assert not plan.unchanged
    assert plan.remove == before.files
    assert len(plan.add) == 1


def test_files_under_other_keys_are_not_reused() -> None:
    """After a rotation the same rows are written again; a file that stays keeps its layout in the record."""
    old = Layout(1, {"month": ("internal", 1)})
    before = base({"01": 1, "02": 2})
    publication = before.publication.using({old.id: old})
    before = Base(publication, [file("01", layout=old.id), file("02", layout=old.id)], {})
    assert not planned({"01": 1, "02": 2}, before, "all").unchanged
    plan = planned({"02": 2}, before, "partitions")
    assert [one.partition for one in plan.remove] == ["02"]
    assert plan.publication.layouts == dict(sorted({old.id: old, LAYOUT.id: LAYOUT}.items()))


def test_of_shared_files_only_those_that_may_hold_the_month_go() -> None:
    """A file within the bounds of kept months too is named as shared; one without bounds may hold any month."""
    shape = replace(SHAPE, gathered=True)
    parts = {month: digest(1) for month in ("01", "02", "03")}
    first, second, third, unknown = (file("", number) for number in range(4))
    names = [one.name.rpartition("/")[2] for one in (first, second, third)]
    bounds = dict(zip(names, [("01", "02"), ("02", "02"), ("03", "03")], strict=True))
    staged = StagedContent(shape, LAYOUT, parts, [], "publish", "token")
    made = plan_commit(staged, None, Scope("all", set()), INFO, NOW).publication
    before = Base(made, [first, second, third, unknown], bounds)
    new = StagedContent(shape, LAYOUT, {"02": digest(5)}, [NewFile(file("", 9), "{}")], "publish", "token")
    plan = plan_commit(new, before, Scope("partitions", {"02"}), INFO, NOW)
    assert plan.remove == [first, second, unknown]
    assert plan.shared == [first, unknown]


def test_rows_that_stay_must_have_the_shape_of_new_ones() -> None:
    """Replacing a month with other columns is refused; replacing the whole table is not."""
    other = replace(SHAPE, dtypes={"month": pl.String(), "n": pl.Int64()}, classification={})
    wide = candidate({"01": 1}, other)
    before = base({"01": 1})
    with pytest.raises(DefinitionError):
        plan_commit(wide, before, Scope("partitions", {"01"}), INFO, NOW)
    assert plan_commit(wide, before, Scope("all", {"01"}), INFO, NOW).publication.schema == other.dtypes
