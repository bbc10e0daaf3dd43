"""`python -m deploy.bundle --key FILE [--out DIR] [--wheels DIR]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy.bundle.build import ROOT, CannotBuild, build

parser = argparse.ArgumentParser(prog="python -m deploy.bundle", description=__doc__)
parser.add_argument("--key", type=Path, required=True, help="private key of ssh-keygen -t ed25519")
parser.add_argument("--out", type=Path, default=ROOT / "dist")
parser.add_argument("--wheels", type=Path, help="folder with the wheels: no index is asked")
given = parser.parse_args()
given.out.mkdir(parents=True, exist_ok=True)
try:
    built = build(given.out, given.key, wheels=given.wheels)
except CannotBuild as error:
    sys.exit(str(error))
print(built.archive, built.signers, sep="\n")
