"""Names for many files, none of which is given twice."""

from __future__ import annotations

from tfrecord_lite.adapters.folder_names import FreeNames, harmless


def test_names_from_data_lead_nowhere_and_act_on_no_terminal() -> None:
    names = ["a/b", "..", "a\\b:c\0", "\x1b[2J\na\x7f\x9b", "", "\u0645\u06cc\u200c\u0634 -1.png", "\udcff"]
    assert [harmless(name) for name in names] == ["a_b", "_.", "a_b_c_", "_[2J_a__", "_", *names[-2:]]


def test_names_that_are_wanted_again_are_numbered() -> None:
    names = FreeNames()
    wanted = ["a.png", "A.png", "a-2.png", "a.png", "b/a.png", "b/a.png"]
    assert [names.free(name, (".png",)) for name in wanted] == [
        *("a.png", "A-2.png", "a-2-2.png", "a-3.png", "b/a.png", "b/a-2.png"),
    ]


def test_a_name_is_not_looked_for_from_the_beginning_each_time() -> None:
    class Counted(set[str]):
        asked = 0

        def __contains__(self, name: object) -> bool:
            Counted.asked += 1
            return super().__contains__(name)

    names = FreeNames()
    names._files = Counted(names._files)
    found = [names.free("image.png", (".png",)) for _ in range(1000)]
    assert len(set(found)) == 1000
    assert Counted.asked < 5000
