"""The two observers; a tracker's library is imported when a run asks for it."""

from contextlib import AbstractContextManager
from importlib import import_module
from importlib.util import find_spec

from pruneproof.api import BadPlugin, Observer, RunInfo, Session


def _tracker(name: str, about: str, *libraries: str) -> Observer:
    def track(run: RunInfo) -> AbstractContextManager[Session]:
        missing = [library for library in libraries if find_spec(library) is None]
        if missing:
            raise BadPlugin(
                f'observer "{name}" needs {" and ".join(missing)}, which this environment lacks. Install with: pip '
                f'install "pruneproof-trackers[{name}]"'
            )
        session: AbstractContextManager[Session] = import_module(f"pruneproof_trackers.{name}_tracker").track(run)
        return session

    return Observer(name, track, about)


OBSERVERS = (
    _tracker("tensorboard", "event files for TensorBoard, one run per network", "tensorboard"),
    _tracker("mlflow", "a local MLflow database, one nested run per network", "mlflow", "sqlalchemy", "alembic"),
)
