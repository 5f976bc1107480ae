"""Ships the catalog: copies models.yaml, models/ and schemas/ into the built package as `_data`, and stores it read.

The stored form is what a start reads; without it (a build without PyYAML) each user's cache has it after one start.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

STORE = (
    "from kie_sync.catalog import read_catalog; from kie_sync.catalog_cache import store_catalog;"
    "import sys; sys.exit(not store_catalog(read_catalog(), sys.argv[1]))"
)


class BuildWithData(build_py):
    def run(self):
        super().run()
        if self.editable_mode:
            return  # kie_sync.catalog.data_root() reads the checkout itself
        root = Path(__file__).resolve().parent
        data = Path(self.build_lib, "kie_sync", "_data").resolve()
        shutil.rmtree(data, ignore_errors=True)
        for source in [root / "models.yaml", *root.glob("models/**/*.yaml"), *root.glob("schemas/**/*.json")]:
            target = data / source.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        # In a process of its own: what is built is what runs. pip shows a build its PyYAML by PYTHONPATH.
        places = [str(data.parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "PYTHONDONTWRITEBYTECODE": "1"}
        stored = data / "catalog.stored"
        done = subprocess.run([sys.executable, "-c", STORE, str(stored)], env=environ, cwd=data)
        if done.returncode == 0:
            stored.chmod(0o644)
        else:
            print("the catalog is shipped as YAML only; the first start reads it")


setup(cmdclass={"build_py": BuildWithData})
