"""What all system tests share: the options of `./do test`, and no litter."""
import shutil

import pytest

# The files that take longest, by the minute, the longest first: with several at once none of them is left alone at the end.
LONG = ("running", "limits", "kills", "faults", "packs", "letters", "disposal", "oidc", "keys", "smime_directory", "cli",
        "delivery", "power", "large_letters", "address_book", "nothing_leaks", "submission", "import", "retention_truth", "dkim",
        "key_rotation", "every_disposal", "walls", "backup_places", "transport", "factors", "metadata", "mta_sts", "documents",
        "letter_approval")


def cost(item):
    """Where the file of a test stands in the order."""
    name = item.path.stem.removeprefix("test_")
    return LONG.index(name) if name in LONG else len(LONG)


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="the campaigns as well")
    parser.addoption("--keep", action="store_true", help="keep the directories of the tests")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: a campaign, only with --long")
    config.option.loadscopereorder = False  # newer pytest-xdist would begin with the files that have many tests


def pytest_collection_modifyitems(config, items):
    items.sort(key=cost)  # keeps the order inside a file
    if config.getoption("--long"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session", autouse=True)
def litter(tmp_path_factory, request):
    """Remove the tests' directories, unless they are wanted or tell what failed."""
    yield
    if not request.config.getoption("--keep") and not request.session.testsfailed:
        shutil.rmtree(tmp_path_factory.getbasetemp(), ignore_errors=True)
