"""`python -m deploy.deb [BUNDLE] [--out DIR]`: BUNDLE is the folder that `make bundle` has made."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy.bundle.build import ROOT, CannotBuild
from deploy.deb.build import build, only_bundle

parser = argparse.ArgumentParser(prog="python -m deploy.deb", description=__doc__)
parser.add_argument("bundle", type=Path, nargs="?")
parser.add_argument("--out", type=Path, default=ROOT / "dist")
given = parser.parse_args()
try:
    print(build(given.bundle or only_bundle(given.out), given.out))
except CannotBuild as error:
    sys.exit(str(error))
