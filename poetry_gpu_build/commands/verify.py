"""`poetry gpu-build verify IMAGE`: is this image what its plan says, and does its torch work?"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import ClassVar

from cleo.helpers import argument
from cleo.helpers import option

from poetry_gpu_build.commands.base import GpuBuildBaseCommand
from poetry_gpu_build.commands.base import json_document
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.errors import NoModeServesError

if TYPE_CHECKING:
    from cleo.io.inputs.argument import Argument
    from cleo.io.inputs.option import Option

    from poetry_gpu_build.commands.planning import Planned
    from poetry_gpu_build.engine.image import BuiltImage

FORMATS = ("text", "json")


class GpuBuildVerifyCommand(GpuBuildBaseCommand):
    """Proves a built image."""

    name = "gpu-build verify"
    description = "Proves that an image is what its plan says, and that its torch works."
    help = """\
Compares the labels of an image with the plan of this project, imports torch in fresh interpreters of the image, and
reads from the machine code in its libtorch_cuda.so whether it runs on the targets. No GPU is needed; where this machine
has one that the image is for, torch computes on it, too. <info>poetry gpu-build</info> does the same after a build.

  <comment>poetry gpu-build verify app:binary</comment>
  <comment>poetry gpu-build verify app:source --gpu "GTX 970"</comment>   an image that was built for another card

The plan is that of the image's mode, for the GPUs of --gpu, of [tool.gpu-build] or of this machine; without any, for
those that the image says it is for.

Exit codes: 0 proven, 2 usage, or the engine has no such image, 3 this mode serves none of these GPUs, 4 no usable
engine, 6 a line of the proof failed."""

    arguments: ClassVar[list[Argument]] = [argument("image", "The image: NAME, NAME:TAG or sha256:ID.")]
    options: ClassVar[list[Option]] = [
        option("gpu", None, "It is for this card, such as 5.2 or 'GTX 970'.", flag=False, multiple=True),
        option("format", None, f"How to show it: {', '.join(FORMATS)}.", flag=False),
    ]

    def run_command(self) -> int:
        """Look, plan, prove, show."""
        # Imported when it runs: `poetry list` and a mistyped command load the class of every command.
        from poetry_gpu_build.commands.verifying import as_data
        from poetry_gpu_build.commands.verifying import as_text
        from poetry_gpu_build.commands.verifying import proof_error
        from poetry_gpu_build.commands.verifying import verify
        from poetry_gpu_build.engine.image import inspect_image

        form = self.option("format") or FORMATS[0]
        if form not in FORMATS:
            raise ConfigurationError(f"--format {form} is unknown", ways_out=(f"choose one of: {', '.join(FORMATS)}",))
        image = inspect_image(self.argument("image"))
        planned = self._plan(image)
        for note in planned.notes:
            self.note(f"note: {note}")
        verification = verify(image, planned.plans[0])
        error = None if verification.is_proven else proof_error([verification])
        if form == "json":
            failed = {} if error is None else {"error": error.as_data()}
            self.result(json_document({**failed, "images": [as_data(verification)]}))
        else:
            self.result(as_text(verification))
        if error is None:
            return 0
        self.note(f"error: {error.message}", style="error")
        return error.exit_code

    def _plan(self, image: BuiltImage) -> Planned:
        """This project's plan for the mode that the image says."""
        from poetry_gpu_build.commands.planning import Asked
        from poetry_gpu_build.commands.planning import plan_project
        from poetry_gpu_build.plan import LABEL_PREFIX

        mode = image.labels.get(f"{LABEL_PREFIX}.mode")
        told = _capabilities(image.labels.get(f"{LABEL_PREFIX}.targets", ""))
        named = tuple(self.option("gpu"))

        def asked(gpus: tuple[str, ...]) -> Asked:
            return Asked(from_source=mode == "source", binary=mode == "binary", gpus=gpus)

        try:
            planned = plan_project(self.start_folder, asked(named))
        except NoModeServesError as error:
            if told and not named:
                meant = " ".join(f"--gpu {target}" for target in told)
                error.ways_out = (f"hold it against the cards that it says it is for: {meant}", *error.ways_out)
            raise
        if planned.plans[0].gpus or not told:
            return planned
        return plan_project(self.start_folder, asked(told))


def _capabilities(label: str) -> tuple[str, ...]:
    """What the label says the image is for; nothing, where it is no list of compute capabilities."""
    from poetry_gpu_build.gpu.interface import is_plausible
    from poetry_gpu_build.values import ComputeCapability

    try:
        read = [ComputeCapability.parse(text) for text in label.split(";") if text]
    except InvalidValueError:
        return ()
    return tuple(str(each) for each in read) if all(map(is_plausible, read)) else ()
