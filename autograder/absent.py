"""Let a submission import packages that are not installed here and that no answer needs.

A notebook that plots its results starts with `import matplotlib.pyplot as plt`, and nothing that is
graded uses it. Such an import gives a module that complains once something of it is used.
"""

import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from types import ModuleType
from typing import Any, NoReturn

from autograder.language import _

# What courses plot, load data and show progress with.
OPTIONAL = frozenset(
    [
        "IPython",
        "PIL",
        "cv2",
        "google",
        "gdown",
        "imageio",
        "ipywidgets",
        "lightning",
        "matplotlib",
        "pandas",
        "plotly",
        "pytorch_lightning",
        "requests",
        "scipy",
        "seaborn",
        "skimage",
        "sklearn",
        "tensorboard",
        "timm",
        "torchaudio",
        "torchinfo",
        "torchmetrics",
        "torchsummary",
        "torchtext",
        "torchvision",
        "torchviz",
        "tqdm",
        "transformers",
        "wandb",
    ]
)

# What draws is absent even where it is installed: it costs seconds in each worker, and grades nothing.
DRAWING = frozenset(["matplotlib", "plotly", "seaborn", "torch.utils.tensorboard"])

# What draws, logs or shows progress: no answer hangs on it, so that its use does no harm.
HARMLESS = DRAWING | {"tensorboard", "tqdm", "wandb"}

used: set[str] = set()  # of the harmless ones, since it was cleared last


def package_in(name: str, packages: frozenset[str]) -> str | None:
    """Which of the packages a dotted name is in."""
    return next((one for one in packages if name == one or name.startswith(f"{one}.")), None)


class Absent:
    """Something of a package that is not installed."""

    def __init__(self, name: str, given: Any = None) -> None:
        self._name, self._given = name, given
        self._harmless = package_in(name, HARMLESS)

    def __getattr__(self, attribute: str) -> "Absent":
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return Absent(f"{self._name}.{attribute}")

    def __call__(self, *args: Any, **kwargs: Any) -> "Absent":
        if self._harmless:
            used.add(self._harmless)
        # `transform = transforms.ToTensor()` does no harm either.
        return Absent(f"{self._name}(…)", args[0] if args else None)

    def __iter__(self) -> Iterator[Any]:
        """`figure, axes = plt.subplots()`, and `for batch in tqdm(batches)`."""
        if self._name.startswith("matplotlib.") and self._name.endswith(".subplots(…)"):
            return iter((Absent("matplotlib.figure"), Absent("matplotlib.axes")))
        if self._harmless == "tqdm" and self._given is not None:
            return iter(range(self._given) if isinstance(self._given, int) else self._given)
        self._complain()

    def __getitem__(self, key: Any) -> "Absent":
        return Absent(f"{self._name}[…]") if self._harmless else self._complain()

    def __enter__(self) -> "Absent":
        return self if self._harmless else self._complain()

    def __exit__(self, *error: object) -> None:
        """Nothing was opened."""

    def __setitem__(self, key: Any, value: Any) -> None:
        """`plt.rcParams["figure.figsize"] = …` at the top of a file does no harm."""

    def __mro_entries__(self, bases: Any) -> tuple[type]:
        return (AbsentBase,)

    def _complain(self) -> NoReturn:
        raise ModuleNotFoundError(
            _(
                "{name} was used, but {package} is not installed where your work is graded; "
                "move what needs it out of the graded code."
            ).format(name=self._name, package=package_in(self._name, DRAWING | OPTIONAL))
        )


class AbsentBase:
    """The base of a class that derives from something absent: it can be defined, and not used."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise ModuleNotFoundError(
            _(
                "{name} derives from a class of a package that is not installed where your work "
                "is graded."
            ).format(name=type(self).__name__)
        )


class AbsentModule(ModuleType):
    """A package that is not installed. What is taken from it complains once something needs it."""

    def __getattr__(self, attribute: str) -> Absent:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return Absent(f"{self.__name__}.{attribute}")


class AbsentFinder(MetaPathFinder, Loader):
    """Finds packages that may be absent: after all other finders, or (in front) instead of them."""

    def __init__(self, packages: frozenset[str]) -> None:
        self._packages = packages

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        package = package_in(name, self._packages)
        if package is None:
            return None
        parent = sys.modules.get(package)
        if name != package and not isinstance(parent, AbsentModule):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return AbsentModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass
