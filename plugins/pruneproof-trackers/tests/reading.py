"""What the libraries' own readers find in what was written."""

from mlflow import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pruneproof_trackers.mlflow_tracker import DATABASE, database_url


def scalars_and_texts(folder):
    """Return the scalars (tag -> steps and values) and texts (tag -> text) of one folder of event files."""
    events = EventAccumulator(str(folder)).Reload()
    tags = events.Tags()
    scalars = {tag: [(each.step, each.value) for each in events.Scalars(tag)] for tag in tags["scalars"]}
    texts = {tag: events.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in tags["tensors"]}
    return scalars, texts


def client(folder):
    return MlflowClient(tracking_uri=database_url(folder / DATABASE))


def runs_of(folder, paper="global-mp"):
    """Return the whole runs of a paper and their networks, newest first."""
    mlflow = client(folder)
    found = mlflow.search_runs([mlflow.get_experiment_by_name(paper).experiment_id])
    return (
        [each for each in found if "mlflow.parentRunId" not in each.data.tags],
        [each for each in found if "mlflow.parentRunId" in each.data.tags],
    )
