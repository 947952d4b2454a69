import pytest

from pruneproof.checkpoints.drafts import check_targets, drafts
from pruneproof.errors import BadOption, StoreUnwritable


def test_drafts_take_their_places_together(tmp_path):
    targets = [tmp_path / "a", tmp_path / "b"]
    with drafts(targets) as waiting:
        for draft in waiting:
            draft.write_text(draft.name)
        assert not any(target.exists() for target in targets)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("problem", [KeyboardInterrupt, ValueError])
def test_after_a_failure_nothing_is_there_but_what_was(tmp_path, problem):
    (tmp_path / "a").write_text("old")

    def fail():
        with drafts([tmp_path / "a", tmp_path / "b"]) as waiting:
            waiting[0].write_text("new")
            raise problem

    with pytest.raises(problem):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_refusal_of_the_system_is_one_message(tmp_path):
    with pytest.raises(StoreUnwritable, match="cannot be written"), drafts([tmp_path / "none" / "a"]) as waiting:
        waiting[0].write_text("new")


def test_originals_are_never_targets_whatever_they_are_called(tmp_path):
    original = tmp_path / "a"
    original.write_text("weights")
    (tmp_path / "link").symlink_to(original)
    (tmp_path / "hard").hardlink_to(original)
    for target in (original, tmp_path / "link", tmp_path / "hard", tmp_path / "." / "a"):
        with pytest.raises(BadOption, match="is the checkpoint itself"):
            check_targets([target], [original], force=True)


def test_targets_must_be_new_or_forced_different_and_in_a_folder(tmp_path):
    (tmp_path / "old").write_text("")
    with pytest.raises(BadOption, match="--force"):
        check_targets([tmp_path / "old"], [], force=False)
    check_targets([tmp_path / "old", tmp_path / "new"], [], force=True)
    with pytest.raises(BadOption, match="twice"):
        check_targets([tmp_path / "new", tmp_path / "." / "new"], [], force=False)
    with pytest.raises(BadOption, match="no folder"):
        check_targets([tmp_path / "none" / "new"], [], force=False)
    with pytest.raises(BadOption, match="is a folder"):
        check_targets([tmp_path], [], force=True)
