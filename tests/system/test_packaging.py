"""What the Debian package holds, as far as it shows without building it (`./do package` does)."""
import re
import shutil
import subprocess

import pytest

from company import BUILD, ROOT

DEBIAN = ROOT / "packaging" / "debian"
ROLES = set(re.findall(r'\.name = "([a-z]+)"', (ROOT / "src/processes/roles.c").read_text()))


def test_every_role_has_a_user_that_sysusers_accepts():
    """A colon in the description made the installation fail once."""
    users = {}
    for line in (DEBIAN / "postern.sysusers").read_text().splitlines():
        if match := re.fullmatch(r'u postern-([a-z]+) +- +"([^":]+)" +- -', line):
            users[match[1]] = match[2]
        else:
            assert re.match(r"#|g postern +- -$", line), line
    assert set(users) == ROLES and len(ROLES) == 15


def test_the_unit_leaves_the_privileges_that_the_supervisor_keeps():
    kept = set(re.findall(r"BIT\((CAP_\w+)\)", (ROOT / "src/processes/privileges.c").read_text()))
    unit = (DEBIAN / "postern.service").read_text()
    bounding = set(re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M)[1].split())
    assert kept and kept <= bounding
    calls = re.search(r"^SystemCallFilter=(.*)$", unit, re.M)[1].split()
    assert {"chroot", "seccomp", "landlock_create_ruleset", "landlock_add_rule",
            "landlock_restrict_self"} <= set(calls)
    for line in unit.splitlines():
        assert re.match(r"(#.*|\[\w+\]|[A-Z]\w+=.*|)$", line), line


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_understands_the_unit(tmp_path):
    unit = tmp_path / "postern.service"
    unit.write_text((DEBIAN / "postern.service").read_text().replace("/usr/sbin/posternd",
                                                                     str(BUILD / "posternd")))
    said = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True,
                          text=True, check=False)
    about = [line for line in (said.stdout + said.stderr).splitlines() if "postern.service" in line]
    assert not about, about


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_understands_the_timer(tmp_path):
    """Files are anchored by the command line alone, so somebody must call it every day."""
    for kind in ("service", "timer"):
        text = (DEBIAN / f"postern.postern-checkpoint.{kind}").read_text()
        (tmp_path / f"postern-checkpoint.{kind}").write_text(
            text.replace("/usr/bin/postern", str(BUILD / "postern")))
    assert "dh_installsystemd --name=postern-checkpoint " in (DEBIAN / "rules").read_text()
    said = subprocess.run(["systemd-analyze", "verify", "--man=no",
                           tmp_path / "postern-checkpoint.timer"], capture_output=True, text=True,
                          check=False)
    about = [line for line in (said.stdout + said.stderr).splitlines()
             if "postern-checkpoint." in line]
    assert not about, about


def test_what_is_installed(tmp_path):
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", tmp_path],
                   check=True, capture_output=True)
    found = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    packs = sorted(p.name for p in (ROOT / "packaging/retention").iterdir())
    assert packs
    assert [re.sub("^usr/(local/)?", "", f) for f in found] == [
        "bin/postern", "bin/postern-verify", "sbin/posternd", "sbin/posternd-inspector",
        *(f"share/postern/retention/{name}" for name in packs)]
    pages = sorted(p.name for p in (ROOT / "docs/man").iterdir())
    assert pages == ["postern-verify.1", "postern.1", "postern.conf.5", "posternd.8"]


def test_the_package_is_built_with_what_builds_it():
    wanted = {package for group, package in (
        line.split() for line in (ROOT / "packaging/build-depends").read_text().splitlines()
        if line and not line.startswith("#")) if group == "build"}
    control = (DEBIAN / "control").read_text()
    depends = set(re.findall(r"^ ([a-z0-9.+-]+)(?: \(.*\))?,$", control.split("Standards-Version")[0],
                             re.M))
    # Every Debian build has the first; meson brings ninja, and certificates are for downloads.
    assert wanted - {"build-essential", "ninja-build", "ca-certificates"} <= depends
    version = re.search(r"^    version: '(.*)',$", (ROOT / "meson.build").read_text(), re.M)[1]
    assert version in (DEBIAN / "changelog").read_text().splitlines()[0]
