"""The comparison in README.md shows what was recorded, and can be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torchvision.models import googlenet

from course import compare, pages
from decks import write_litter
from lab.errors import UserError
from records import read
from running import ROOT

MEND = "out of date: run `python -m course.compare`"


def record(network: str, parameters: int, macs: int, accuracy: float, **changes: object) -> dict:
    """A record of one run, as `course.record` makes it."""
    run = {"device": "Abacus, 2 threads", "precision": "float32", "seconds": macs / 1e4}
    run |= {"seed": 0, "commit": "", "validation_accuracy": accuracy, "test_accuracy": accuracy}
    spread = {"mean": accuracy, "n": 1}
    return {
        "network": network,
        "variant": "default",
        "dataset": "shapes",
        "parameters": parameters,
        "macs": macs,
        "recipe": {"epochs": 30},
        "runs": [run],
        "validation_accuracy": spread,
        "test_accuracy": spread,
        "variants": {},
        **changes,
    }


def test_what_editors_and_macos_leave_is_no_record_and_no_lesson(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_litter(tmp_path)
    (tmp_path / "static" / "results" / "lenet.json").write_text(
        json.dumps(record("lenet", 62_006, 650_000, 0.733))
    )
    for name in ["lenet", "lab/data"]:
        (tmp_path / "code" / f"{name}.py").write_text("x = 1\n")
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    assert [each["network"] for each in compare.records(tmp_path / "static" / "results")] == [
        "lenet"
    ]
    assert pages.lessons() == ["lenet"]
    assert sorted(pages.digests()) == ["code/lab/data.py", "code/lenet.py"]


def test_the_table_in_the_readme_is_that_of_the_records() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    made = compare.table(compare.records())
    assert compare.put_into(text, made) == text, f"README.md is {MEND}"


def test_a_row_says_costs_accuracy_with_spread_number_of_runs_and_devices() -> None:
    runs = [{"device": f"Abacus {index % 2}", "precision": "float32"} for index in (1, 2, 9)]
    spread = {"mean": 0.8772, "std": 0.0123, "n": 3}
    row = record("resnet", 269_722, 40_813_184, 0.9, runs=runs, test_accuracy=spread)
    _, _, line = compare.table([row]).splitlines()
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "[resnet](code/resnet.py)",
        *("269,722", "40.8 M", "30", "3", "90.0 %", "87.7 ± 1.2 %"),
        *("Abacus 0, float32; Abacus 1, float32", "shapes"),
    ]


def test_networks_stand_in_order_of_their_cost_each_before_its_variants(tmp_path: Path) -> None:
    plain = record("resnet", 269_722, 41_000_000, 0.8, variant="plain")
    for each in (
        record("resnet", 269_722, 41_000_000, 0.884, variants={"plain": plain}),
        record("lenet", 62_006, 650_000, 0.733),
        record("alexnet", 1_200_000, 33_000_000, 0.83),
    ):
        (tmp_path / f"{each['network']}.json").write_text(json.dumps(each))
    lines = compare.table(compare.records(tmp_path)).splitlines()[2:]
    names = [line.split("]")[0].strip("| [") for line in lines]
    assert names == ["lenet", "alexnet", "resnet", "resnet, plain"]


@pytest.mark.needs("googlenet")
def test_parameters_are_those_of_the_network_that_answers_in_every_size() -> None:
    counted = json.loads((ROOT / "static" / "facts.json").read_text())["googlenet"]["cifar10"]
    small, large = read("googlenet"), read("googlenet", "full_size")
    rows = compare.table([small, large]).splitlines()[2:]
    shown = [int(row.split("|")[2].replace(",", "")) for row in rows]
    assert shown[0] == counted["parameters"] < small["parameters"]
    with torch.device("meta"):
        theirs = googlenet(num_classes=10, aux_logits=False, init_weights=False)
    stem = (7 * 7 - 3 * 3) * 3 * 64  # for small images, its kernels are smaller
    assert shown[1] == sum(weight.numel() for weight in theirs.parameters()) - stem


@pytest.mark.parametrize(
    "text", ["no marks", compare.BEGIN, f"{compare.END}{compare.BEGIN}", 2 * compare.END]
)
def test_a_readme_without_its_marks_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="the table belongs between two lines"):
        compare.put_into(text, "table")


def test_a_folder_without_records_gets_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no records yet: make results writes them"):
        compare.records(tmp_path)
