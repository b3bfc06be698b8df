#!/usr/bin/env python3
"""Write what is generated: docs/man/postern.conf.5 from the settings' tables."""
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
page = ROOT / "docs/man/postern.conf.5"
page.parent.mkdir(parents=True, exist_ok=True)
page.write_text(subprocess.run([ROOT / "build/settings_manual", "man"], check=True,
                               capture_output=True, text=True).stdout)
print(f"wrote {page.relative_to(ROOT)}")
