"""The script that fills an empty repository is run: what it publishes, and what it leaves alone."""

import subprocess
from pathlib import Path

from tests.k8s.cluster import Cluster, in_every_overlay
from tests.programs import needs
from tests.stack import ROOT

SCRIPT = ROOT / "k8s/shipped-models/publish.sh"


def publish(shipped: Path, repository: Path) -> list[str]:
    done = subprocess.run(
        ["/bin/sh", str(SCRIPT), str(shipped), str(repository)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout.splitlines()


def version(folder: Path, content: str) -> Path:
    (folder / "variables").mkdir(parents=True)
    (folder / "variables" / "data").write_text(content)
    return folder


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_every_shipped_version_is_published(tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    version(shipped / "housing" / "1", "a")
    version(shipped / "housing" / "2", "b")
    version(shipped / "image" / "1", "c")
    (tmp_path / "models").mkdir()

    said = publish(shipped, tmp_path / "models")

    assert sorted(said) == [
        f"{name} is published" for name in ("housing/1", "housing/2", "image/1")
    ]
    assert files(tmp_path / "models") == files(shipped)


def test_a_version_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    version(tmp_path / "shipped" / "housing" / "1", "shipped")
    version(tmp_path / "models" / "housing" / "1", "trained here")

    assert publish(tmp_path / "shipped", tmp_path / "models") == ["housing/1 is there already"]
    assert files(tmp_path / "models") == {"housing/1/variables/data": "trained here"}


def test_what_an_interrupted_copy_left_is_replaced(tmp_path: Path) -> None:
    version(tmp_path / "shipped" / "housing" / "1", "whole")
    version(tmp_path / "models" / "housing" / "tmp-shipped-1", "hal")

    publish(tmp_path / "shipped", tmp_path / "models")

    assert files(tmp_path / "models") == {"housing/1/variables/data": "whole"}


@needs("kubectl", package="kubernetes-client")
@in_every_overlay
def test_the_job_copies_from_where_the_image_has_them(applied: Cluster) -> None:
    container = applied.pod("shipped-models").containers[0]
    shell, script, shipped, repository = container["command"]
    assert f"COPY models {shipped}\n" in (ROOT / "training/Dockerfile").read_text()
    assert shell == "/bin/sh"
    mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    assert repository in mounts
    volumes = {each["name"]: each for each in applied.pod("shipped-models").spec["volumes"]}
    folder, _, name = script.rpartition("/")
    data = applied.named("ConfigMap", volumes[mounts[folder]]["configMap"]["name"])["data"]
    assert data == {name: SCRIPT.read_text()}
