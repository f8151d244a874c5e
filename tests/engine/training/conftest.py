"""Pictures that all trainings share, rendered once, and PyTorch's threads put back afterwards."""

import pytest
import torch

from .stage import material_of, write_pictures


@pytest.fixture(scope="session")
def items(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("lessons"), 8)


@pytest.fixture
def material(items):
    return material_of(items)


@pytest.fixture(autouse=True)
def _same_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
