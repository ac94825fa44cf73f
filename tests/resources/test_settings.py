"""Settings: everything below one home, each with a name of its own for production."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from resources.lake.lake import Lake
from resources.settings import Settings, find_root, get_settings
from resources.store import ObjectStore
from resources.warehouse import Warehouse


def test_everything_derives_from_home(mesh_home: Path) -> None:
    """One setting moves the whole mesh."""
    settings = get_settings()
    assert settings.home == mesh_home
    assert settings.landing == str(mesh_home / "landing")
    assert settings.lake_uri == str(mesh_home / "lake")
    assert settings.keys == mesh_home / "keys"
    assert settings.docs == mesh_home / "docs"
    assert settings.dagster_home == mesh_home / "dagster"
    assert settings.tracking_uri == f"sqlite:///{mesh_home}/mlflow/mlflow.db"
    assert settings.artifacts == str(mesh_home / "mlflow/artifacts")
    assert not mesh_home.exists()


def test_home_is_beside_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder below workspace.yaml the same mesh is found; from elsewhere, the project's own."""
    monkeypatch.delenv("MESH_HOME")
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "workspace.yaml").touch()
    monkeypatch.chdir(tmp_path / "a/b")
    assert Settings().home == tmp_path / ".mesh"
    monkeypatch.chdir("/")
    assert Settings().home == Path(__file__).resolve().parents[2] / ".mesh"
    assert find_root() == Path(__file__).resolve().parents[2]


def test_each_place_can_be_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Production has an object store, a server and a key service; a relative path is made absolute."""
    for name, value in {
        "LAKE_URI": "s3://bucket/lake",
        "STORAGE_OPTIONS": '{"AWS_REGION": "eu-central-1"}',
        "TRACKING_URI": "https://mlflow.example",
        "MASTER_KEY": base64.b64encode(bytes(32)).decode(),
        "LANDING": "drop",
    }.items():
        monkeypatch.setenv(f"MESH_{name}", value)
    settings = Settings()
    assert settings.lake_uri == "s3://bucket/lake"
    assert settings.storage_options == {"AWS_REGION": "eu-central-1"}
    assert settings.tracking_uri == "https://mlflow.example"
    assert settings.landing == str(Path.cwd() / "drop")
    lake = Lake.from_settings(settings)
    assert isinstance(lake.store, ObjectStore)
    assert lake.uri("a.b") == "s3://bucket/lake/a/b"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LAKE_URI", "s3x://bucket", "s3x:// is unknown; known are file://, s3://"),
        ("LANDING", "ftp://host/drop", "ftp:// is unknown"),
        (
            "TRACKING_URI",
            "postgres://host/mlflow",
            "postgres:// is unknown; known are sqlite://, postgresql://",
        ),
        ("KEYS", "{file}/keys", "is a file, and a folder is needed"),
    ],
)
def test_a_place_that_cannot_be_is_refused(
    name: str, value: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the settings are read, rather than by whatever meets it first."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(f"MESH_{name}", value.format(file=tmp_path / "file"))
    with pytest.raises(ValidationError, match=re.escape(words)):
        Settings()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing the settings reveals neither the master key nor the object store's credentials."""
    monkeypatch.setenv("MESH_MASTER_KEY", "hush-hush")
    monkeypatch.setenv("MESH_STORAGE_OPTIONS", '{"SECRET": "very-secret"}')
    assert "hush-hush" not in repr(Settings())
    assert "very-secret" not in repr(Settings())


def test_a_blank_master_key_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable is as good as no variable."""
    monkeypatch.setenv("MESH_MASTER_KEY", "")
    monkeypatch.setenv("MESH_HOME", "")
    assert Settings().master_key is None
    assert Settings().home == find_root() / ".mesh"


def test_settings_that_make_no_sense_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong value names its field."""
    monkeypatch.setenv("MESH_THREADS", "0")
    with pytest.raises(ValidationError, match="threads"):
        Settings()


def test_the_settings_make_a_lake_and_a_warehouse(mesh_home: Path) -> None:
    """Both come from the settings, and making them touches nothing."""
    lake, warehouse = Lake.from_settings(get_settings()), Warehouse.from_settings(get_settings())
    assert lake.uri("a.b") == str(mesh_home / "lake/a/b")
    assert warehouse.scratch == mesh_home / "scratch"
    assert not mesh_home.exists()


@pytest.mark.parametrize(
    "name", ["HOME", "LANDING", "LAKE_URI", "KEYS", "TRACKING_URI", "ARTIFACTS", "SCRATCH"]
)
def test_a_path_that_some_library_cannot_keep_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, with the part at fault and what is possible, before anything is written elsewhere."""
    before = "sqlite:///" if name == "TRACKING_URI" else ""
    for given in ("e%20p", "a?b", "a[b]", "a\nb") if name != "TRACKING_URI" else ("e%2520p", "a[b]", "a%0Ab"):
        monkeypatch.setenv(f"MESH_{name}", f"{before}{tmp_path}/{given}/x")
        with pytest.raises(ValidationError, match="are not possible; name another folder") as refused:
            Settings()
        assert refused.value.error_count() == 1
    monkeypatch.setenv(f"MESH_{name}", f"{before}{tmp_path}/" + "long/" * 700)
    with pytest.raises(ValidationError, match=r"(400|3,000) are possible"):
        Settings()


def test_a_checkout_with_such_a_path_needs_a_home_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default home lies in the checkout."""
    root = tmp_path / "a[b]"
    root.mkdir()
    (root / "workspace.yaml").touch()
    monkeypatch.delenv("MESH_HOME")
    monkeypatch.chdir(root)
    with pytest.raises(ValidationError, match=re.escape("has '['")):
        Settings()
    monkeypatch.setenv("MESH_HOME", str(tmp_path / "home"))
    assert Settings().workspace == root / "workspace.yaml"


def test_a_home_is_a_folder_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given as a path with or without a slash at its end, with ~, as file://; no object store."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for given in ("~/h#1", "h#1/", "./h#1", f"file://{tmp_path}/h%231"):
        monkeypatch.setenv("MESH_HOME", given)
        assert Settings().home == tmp_path / "h#1"
    monkeypatch.setenv("MESH_HOME", "s3://bucket/home")
    with pytest.raises(ValidationError, match="s3:// is no folder of this machine"):
        Settings()


def test_places_given_relatively_are_the_same_in_every_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mesh ui` starts its processes in the folder of workspace.yaml, whatever folder it is typed in."""
    monkeypatch.chdir(tmp_path)
    for name, value in {"LANDING": "in", "LAKE_URI": "~/lake", "TRACKING_URI": "sqlite:///m.db"}.items():
        monkeypatch.setenv(f"MESH_{name}", value)
    before = Settings()
    places = before.given_places
    assert places["MESH_LANDING"] == str(tmp_path / "in")
    monkeypatch.chdir("/")
    for name, value in places.items():
        monkeypatch.setenv(name, value)
    assert Settings() == before


@pytest.mark.parametrize(
    "url", ["mesh.example.com", "ftp://mesh.example.com", "http://", "https://a.example/dagster"]
)
def test_the_address_of_the_ui_is_one_that_a_browser_opens(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheme and a host; links are made of it."""
    monkeypatch.setenv("MESH_UI_URL", url)
    with pytest.raises(ValidationError, match="without a path"):
        Settings()
    monkeypatch.setenv("MESH_UI_URL", "https://mesh.example.com/")
    assert Settings().ui_url == "https://mesh.example.com"


def test_names_of_the_ui_are_host_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """With spaces or commas between; nothing that would let in every name."""
    monkeypatch.setenv("MESH_UI_HOSTS", "Mesh.example.com, mesh-2 [fd00::1]")
    assert Settings().ui_hosts == ("mesh.example.com", "mesh-2", "[fd00::1]")
    for wrong in (
        "*",
        "*.example.com",
        "https://mesh.example.com",
        "mesh.example.com:3000",
        "a/b",
        ".example.com",
    ):
        monkeypatch.setenv("MESH_UI_HOSTS", wrong)
        with pytest.raises(ValidationError, match="is no host name"):
            Settings()
