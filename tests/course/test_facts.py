"""What slides say of a network is what the networks are."""

from __future__ import annotations

import importlib
import json
import re
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torchvision.models.resnet import BasicBlock

import lab
from course import facts as deck
from course import lessons
from course.fields import receptive_field
from lab.facts import describe, facts
from networks import count_operations

FACTS: dict[str, dict[str, Any]] = json.loads(deck.FACTS.read_text(encoding="utf-8"))
FORMS = [
    (network, key)
    for network, forms in FACTS.items()
    for key, form in forms.items()
    if isinstance(form, dict) and "stages" in form
]


def test_the_committed_facts_are_up_to_date() -> None:
    committed = deck.FACTS.read_text(encoding="utf-8")
    assert committed == deck.text(), "static/facts.json is out of date: run: make figures"


def test_every_network_has_the_paper_s_form_and_that_for_cifar10() -> None:
    assert list(FACTS) == list(lessons.networks()), "run: make figures"
    assert all(forms["cifar10"]["input"] == [3, 32, 32] for forms in FACTS.values())
    designed = {network for network in FACTS if "paper" in FACTS[network]}
    named = {"alexnet", "googlenet", "inception", "lenet", "resnet", "vgg16"}
    assert designed >= named & set(FACTS)


@pytest.mark.parametrize(("network", "key"), FORMS)
def test_the_stages_fit_a_table_and_sum_up_to_the_totals(network: str, key: str) -> None:
    form = FACTS[network][key]
    assert 4 <= len(form["stages"]) <= 12
    for what in ("parameters", "macs"):
        assert sum(stage[what] for stage in form["stages"]) == form[what] > 0
    for stage in form["stages"]:
        assert list(stage) == ["name", "kind", "output", "parameters", "macs"]
        assert stage["name"]
        assert stage["kind"]


@pytest.mark.parametrize("network", FACTS)
def test_macs_are_half_of_the_operations_that_pytorch_counts(network: str) -> None:
    lesson = lessons.networks()[network]
    small = lab.Form("", lambda: lesson.build(lesson.recipe, 10), (3, 32, 32))
    for key, form in ({"cifar10": small} | dict(lesson.forms)).items():
        with torch.device("meta"):
            model = form.build()
        operations = count_operations(model, form.shape)
        assert operations == 2 * FACTS[network][key]["macs"], key
    assert FACTS[network]["cifar10"]["macs"] <= 60_000_000  # as README promises


@pytest.mark.needs("googlenet", "inception", "resnet")
@pytest.mark.parametrize(
    ("network", "name"), [("googlenet", "GoogLeNet"), ("inception", "Inception3")]
)
def test_auxiliary_classifiers_are_counted_apart(network: str, name: str) -> None:
    model = getattr(importlib.import_module(network), name)
    with torch.device("meta"):
        both = [lab.count_parameters(model(auxiliary=each)) for each in (False, True)]
    form = FACTS[network]["torchvision" if network == "googlenet" else "paper"]
    assert [form["parameters"], form["parameters"] + form["auxiliary_parameters"]] == both
    assert all("auxiliary_parameters" not in FACTS["resnet"][key] for key in ("paper", "cifar10"))


@pytest.mark.needs("resnet")
def test_norm_and_activation_are_part_of_the_stage_before_them() -> None:
    import resnet

    with torch.device("meta"):
        stages = facts("", resnet.resnet_imagenet(50), (3, 224, 224))["stages"]
    assert [stage["name"] for stage in stages] == [
        "conv1", "maxpool", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "avgpool", "fc",
    ]  # fmt: skip
    assert stages[0]["parameters"] == 3 * 64 * 49 + 2 * 64
    assert (stages[2]["kind"], stages[2]["output"]) == ("3 x Bottleneck", [256, 56, 56])


def test_more_than_twelve_stages_are_put_together_by_their_class() -> None:
    model = nn.Sequential()
    for number in range(1, 14):
        model.add_module(f"layer{number}", nn.Conv2d(3, 3, 1))
    model.add_module("last", nn.MaxPool2d(2))
    stages = facts("", model, (3, 8, 8))["stages"]
    assert [(stage["name"], stage["kind"]) for stage in stages] == [
        ("layer1-13", "13 x conv 1x1"),
        ("last", "max pool 2x2"),
    ]
    assert stages[0]["output"] == [3, 8, 8]
    assert stages[0]["parameters"] == 13 * 12


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Conv2d(4, 4, (1, 7), stride=2, groups=2), "conv 1x7, stride 2, 2 groups"),
        (nn.MaxPool2d(3, stride=2), "max pool 3x3, stride 2"),
        (nn.AvgPool2d(2), "average pool 2x2"),
        (nn.AdaptiveAvgPool2d(1), "global average"),
        (nn.Linear(2, 2), "fully connected"),
        (nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.ReLU()), "conv 1x1"),
        (nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1)), "2 x fully connected"),
    ],
)
def test_a_module_is_described_in_a_few_words(module: nn.Module, words: str) -> None:
    assert describe(module) == words


@pytest.mark.needs("inception")
def test_what_the_factorization_saves_is_the_lesson_s_number() -> None:
    import inception

    total = FACTS["inception"]["factorization"]["total"]["parameters"]
    model = inception.Inception3(auxiliary=False)
    assert total["factorized"] == lab.count_parameters(model)
    assert total["direct"] == lab.count_parameters(inception.unfactorized(model))
    assert total["saved"] == round(1 - total["factorized"] / total["direct"], 4)


@pytest.mark.parametrize(
    ("network", "form", "pixels"),
    [
        ("lenet", "paper", 32),
        pytest.param("alexnet", "paper", 195, marks=pytest.mark.needs("alexnet")),
        pytest.param("vgg16", "paper", 212, marks=pytest.mark.needs("vgg16")),
        pytest.param("inception", "paper", 1311, marks=pytest.mark.needs("inception")),
        pytest.param("resnet", "cifar10", 81, marks=pytest.mark.needs("resnet")),
    ],
)
def test_a_receptive_field_is_as_large_as_known(network: str, form: str, pixels: int) -> None:
    assert FACTS[network][form]["receptive_field"] == pixels


def test_a_receptive_field_needs_no_weight_that_can_be_copied() -> None:
    assert (
        receptive_field(nn.Sequential(prune.l1_unstructured(nn.Conv2d(1, 1, 3), "weight", 2))) == 3
    )


@pytest.mark.parametrize(
    ("network", "pixels"),
    [
        (nn.Sequential(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3)), 5),
        (nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.MaxPool2d(2), nn.Conv2d(1, 1, 3)), 13),
        (nn.Sequential(nn.Conv2d(1, 1, 3, padding=4, dilation=4)), 9),
        (nn.Sequential(nn.Conv2d(1, 1, (1, 7)), nn.Conv2d(1, 1, (5, 1))), 7),
        (nn.Sequential(BasicBlock(1, 1)), 5),
    ],
)
def test_a_receptive_field_is_what_the_gradient_reaches(network: nn.Module, pixels: int) -> None:
    assert receptive_field(network) == pixels
    average = [nn.AvgPool2d(2) if isinstance(each, nn.MaxPool2d) else each for each in network]
    network = nn.Sequential(*average).eval()
    for each in network.modules():
        if isinstance(each, nn.Conv2d):  # so that nothing cancels
            nn.init.ones_(each.weight)
    image = torch.rand(1, 1, 41, 41, requires_grad=True)
    out = network(image)
    out[0, 0, out.shape[2] // 2, out.shape[3] // 2].backward()
    reached = image.grad[0, 0].nonzero()
    assert int((reached.max(0)[0] - reached.min(0)[0]).max()) + 1 == pixels


@pytest.mark.needs("darts", "googlenet")
def test_a_separable_convolution_has_few_weights() -> None:
    counts = FACTS["darts"]["separable"]
    assert (counts["weights"], counts["dense"]) == (1620, 11664)
    assert FACTS["darts"]["dilated"]["receptive_field"] == 5
    wide = FACTS["googlenet"]["average"]["parameters"]
    assert wide["direct"] == 7 * 7 * 1024 * 1000 + 1000


@pytest.mark.needs("architectures", "alexnet", "densenet")
def test_the_networks_for_small_images_take_no_more_work_than_readme_says() -> None:
    text = " ".join((lessons.ROOT / "README.md").read_text(encoding="utf-8").split())
    (most,) = re.findall(r"at most (\d+) million multiply-accumulates", text)
    work = max(forms["cifar10"]["macs"] for forms in FACTS.values() if "cifar10" in forms) / 1e6
    assert 0.9 * int(most) < work <= int(most)
