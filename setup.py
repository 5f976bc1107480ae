"""Ships the catalog: copies models.yaml, models/ and schemas/ into the built package as `_data`."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithData(build_py):
    def run(self):
        super().run()
        if self.editable_mode:
            return  # kie_sync.catalog.data_root() reads the checkout itself
        root = Path(__file__).resolve().parent
        data = Path(self.build_lib, "kie_sync", "_data")
        shutil.rmtree(data, ignore_errors=True)
        for source in [root / "models.yaml", *root.glob("models/**/*.yaml"), *root.glob("schemas/**/*.json")]:
            target = data / source.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


setup(cmdclass={"build_py": BuildWithData})
