"""lint: will TensorFlow read what is there, and take it?

Takes paths, and perhaps the features that are to be parsed; gives findings. Records that are written in the usual way,
and hold what the features ask for, are cleared many at a time; only the others are looked at one by one
(`format.record_problems`). What stands around them is in `file_problems` and `member_problems`, what does not go
together from record to record in `kind_problems`.

With `fix`, all records are written again on the way: those with a problem that this cures in the canonical way, all
others as the frames that they are; what is damaged stays behind.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrecord_lite.errors import ShardError, TFRecordError
from tfrecord_lite.files import file_problems, member_problems
from tfrecord_lite.files.compression_types import check_compression_type
from tfrecord_lite.files.kind_problems import MetKinds, Place
from tfrecord_lite.files.lint_outputs import outputs_of
from tfrecord_lite.files.paths import STDIN, as_path, find_files, is_rereadable, list_paths
from tfrecord_lite.files.reader import TFRecordReader
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.format.block import Block
from tfrecord_lite.format.blocks import FOR_BATCHES
from tfrecord_lite.format.canonical import canonical
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.findings import Finding
from tfrecord_lite.format.parsing import example_plan
from tfrecord_lite.format.plan import Plan
from tfrecord_lite.format.record_problems import RecordProblems
from tfrecord_lite.format.spec_problems import never_there, not_asked_for

if TYPE_CHECKING:
    from typing_extensions import Self

    from tfrecord_lite.files.frames import FrameFile, WrittenFile


def lint(
    paths: Any,
    features: Mapping[str, Any] | None = None,
    *,
    compression_type: str | None = None,
    max_record_size: int | None = None,
    fix: Any = None,
) -> Lint:
    """Everything by which TensorFlow would read less or other than what is there, or fail: an iterator of findings.

    Without features: damage, and files and records that TensorFlow's readers and its parser misread, mostly without an
    error. With features also every record of which `parse_example`, TensorFlow's or ours, would raise, or make what can
    hardly be meant. Of SequenceExamples they ask for the context; what is wrong with the bytes of feature lists is told
    as without features. Memory is bounded by the largest record, some dozens of
    times, however many findings there are.

    Args:
        paths: as for `read_records`. A file that is missing is a finding.
        features: {name: FixedLenFeature(...) or another feature, TensorFlow's included}, or a Schema.
        compression_type, max_record_size: as for `read_records`.
        fix: a path or a binary file object; all records are written there, in their order, as far as they can be read,
            compressed as they were. Records with a fixable problem are written in the canonical way, all others as they
            are. For several files it is a directory, in which each has its name. Each file appears when it is complete.

    Raises:
        FeatureError, TypeError: the features are of no use, when called.
        ValueError: `fix` names a file that is read, or one file for several.
        OSError: what is to be fixed cannot be written.
        OSError, TFRecordError: a file that is to be fixed is another one when it is read again.
    """
    if compression_type is not None:
        check_compression_type(compression_type)
    plan = None if features is None else example_plan(features)
    return Lint(paths, plan, compression_type, max_record_size, fix)


class Lint:
    """An iterator of findings; also a context manager.

    Attributes:
        files: how many files have been looked at so far.
        records: and how many records.
        rewritten: records that were written in the canonical way so far.
        written: what has been written so far, in order.
        compressions: {compression type: name of the first file that has it} of the files so far.
    """

    def __init__(
        self, paths: Any, plan: Plan | None, compression_type: str | None, max_record_size: int | None, fix: Any
    ) -> None:
        self.files = self.records = self.rewritten = 0
        self.written: list[WrittenFile] = []
        self._plan = plan
        self._compression_type = compression_type
        self._max_record_size = max_record_size
        self.compressions: dict[str, str | None] = {}
        self._record_problems = RecordProblems(plan)
        self._kinds = MetKinds("it", () if plan is None else plan.columns.keys())
        self._list_kinds = MetKinds("the feature list", ())
        self._sources: list[tuple[Any, Any]] = []
        before = list(self._look_up(list_paths(paths)))
        self._outputs = None if fix is None else outputs_of([source for source, _ in self._sources], fix)
        self._findings = self._lint(before)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Finding:
        return next(self._findings)

    def close(self) -> None:
        """End early: a file that is being written is given up."""
        self._findings.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def as_dict(self) -> dict[str, Any]:
        """What was looked at and written, for JSON."""
        written = [file.as_dict() for file in self.written]
        return {"files": self.files, "records": self.records, "rewritten": self.rewritten, "written": written}

    def _look_up(self, paths: list[Any]) -> Iterator[Finding]:
        """Find the files; what is wrong with that, and with their names."""
        named: list[str] = []
        for path in paths:
            try:
                found = find_files(path)
            except (OSError, ShardError) as error:
                yield file_problems.unreadable(error, path)
                continue
            files = [file for file, _ in found if isinstance(file, str) and file != STDIN]
            local = [file for file in files if not is_url(file)]
            if local and not hasattr(path, "read"):
                yield from file_problems.name_problems(as_path(path), local)
            named += files
            self._sources += found
        yield from file_problems.shard_problems(named)

    def _lint(self, before: list[Finding]) -> Generator[Finding]:
        yield from before
        for number, (source, shard) in enumerate(self._sources):
            try:
                if shard is not None:
                    from tfrecord_lite.files.manifest import check_shard  # with it comes json, for sets of shards only

                    check_shard(source, shard)
                reader = self._reader(source)
            except (OSError, ShardError) as error:
                yield file_problems.unreadable(error, source)
                continue
            self.files += 1
            with reader:
                self.compressions.setdefault(reader.compression_type, reader.name)
                if self._outputs is None:
                    try:
                        yield from self._lint_file(source, reader, None)
                    except (OSError, TFRecordError) as error:  # of a file that is another one when it is read again
                        yield file_problems.unreadable(error, source)
                    continue
                from tfrecord_lite.files.frames import FrameFile  # and the writer with it

                with FrameFile(self._outputs[number], reader.compression_type) as output:
                    yield from self._lint_file(source, reader, output)
            self.written.append(output.facts())
        mixed = file_problems.mixed_compression(self.compressions)
        if mixed is not None:
            yield mixed
        if self._plan is not None and self.records:
            for problems in (never_there, not_asked_for):
                for problem in problems(self._plan, self._kinds.names):
                    yield Finding.of(problem, None)
        if self._plan is None:  # otherwise each record of the wrong kind is a finding
            yield from self._kinds.mixed_kinds()
        yield from self._list_kinds.mixed_kinds()

    def _reader(self, source: Any, recovery: Any = None) -> TFRecordReader:
        return TFRecordReader(source, self._compression_type, max_record_size=self._max_record_size, recovery=recovery)

    def _lint_file(self, source: Any, reader: TFRecordReader, output: FrameFile | None) -> Iterator[Finding]:
        before = self.records
        can_be_reread = is_rereadable(source)  # asked now: a file that is gone when it is needed again is an error
        damage: TFRecordError | None = None
        try:
            for block in reader.blocks(FOR_BATCHES):
                yield from self._lint_block(reader, block, 0, output)
        except TFRecordError as error:
            damage = error.with_traceback(None)
        lost: Finding | None = None
        has_members = reader.members > 1 or bool(reader.padding)
        if can_be_reread and reader.compression_type == "GZIP" and (has_members or damage is not None):
            lost = member_problems.lost_members(source, reader.record_number, damage)
        elif has_members and damage is None:
            lost = member_problems.unknown_members(reader.name)
        if lost is not None:
            yield lost
        if damage is not None:
            yield file_problems.damage(damage, is_met=lost is None)
            if can_be_reread:
                yield from self._lint_behind(source, reader.record_number, output)
        if self.records == before and damage is None:
            yield file_problems.no_records(reader.name)

    def _lint_behind(self, source: Any, known: int, output: FrameFile | None) -> Iterator[Finding]:
        """What lies behind the first damage, which comes after so many records."""
        regions: list[Any] = []
        with self._reader(source, regions.append) as reader:
            told = False
            for block in reader.blocks(FOR_BATCHES):
                for region in regions:
                    if told:
                        number = reader.record_number - len(block)
                        yield file_problems.later_damage(region.reason, reader.name, number, region.begin)
                    told = True
                regions.clear()
                begin = known - (reader.record_number - len(block))
                if begin < len(block):
                    yield from self._lint_block(reader, block, max(begin, 0), output)
            for region in regions:
                if told:
                    number = reader.record_number
                    yield file_problems.later_damage(region.reason, reader.name, number, region.begin)
                told = True

    def _lint_block(
        self, reader: TFRecordReader, block: Block, begin: int, output: FrameFile | None
    ) -> Iterator[Finding]:
        """What is wrong with the records of a block from number `begin` on, which are written to the output."""
        records = Records.of(block)
        if begin:
            records = records.take(np.arange(begin, len(block)))
        self.records += len(block) - begin
        first = reader.record_number - len(block) + begin
        offsets = reader.offset - block.size + block.starts[begin:] - block.starts[0]
        replaced: dict[int, bytes] = {}
        for number, record, problems, is_fixable in self._record_problems.look_at(records):
            if output is not None and is_fixable:
                replaced[begin + number] = canonical(record)
            for problem in problems:
                yield Finding.of(problem, reader.name, first + number, int(offsets[number]))
        met = (self._kinds, self._record_problems.kinds), (self._list_kinds, self._record_problems.list_kinds)
        for places, kinds in met:
            for (name, kind), number in kinds.items():
                places.add(name, kind, Place(reader.name, first + number, int(offsets[number])))
        if output is not None:
            for frames in block.frames_with(replaced, begin):
                output.write(frames)
            self.rewritten += len(replaced)
