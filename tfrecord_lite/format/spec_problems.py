"""Where an example is not what the features that are to be parsed ask for.

Takes a Plan and one example as TensorFlow reads it; says of every column what `parse_example`, and TensorFlow, would
raise, and what they would take although it can hardly be meant; and where that is so in only one of `parse_example` and
`parse_single_example`, in which:

    missing-feature     a FixedLenFeature without a default is missing, or has no kind
    wrong-kind          a feature holds another kind, even if its list is empty
    empty-list          a FixedLenFeature has an empty list, for which its default is not used; or in the context of a
                        SequenceExample no kind
    wrong-count         a FixedLenFeature has another number of values
    partial-step        the values of a FixedLenSequenceFeature are no whole number of steps
    sparse-lengths      a SparseFeature has not as many positions as values
    sparse-position     a SparseFeature has a position outside its size, or twice: nobody checks that
    ragged-partitions   the partitions of a RaggedFeature do not fit its values: refused, or taken as they are
    no-context          parse_sequence_example takes no such feature for the context of a SequenceExample

and of all examples together:

    never-there         no record has a feature that is asked for
    not-asked-for       the records have a feature that is not asked for
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.batch import Place
from tfrecord_lite.format.features import FixedLenSequenceFeature, RaggedFeature, SparseFeature
from tfrecord_lite.format.findings import ERROR, NOTE, WARNING, Problem, Rule
from tfrecord_lite.format.parsing import column_values
from tfrecord_lite.format.partitions import TooManyRowsError
from tfrecord_lite.format.plan import DENSE, Column, Plan
from tfrecord_lite.format.rows import Rows, result
from tfrecord_lite.format.tensorflow_parser import Refused
from tfrecord_lite.format.value_types import FLOAT32, STRING, type_of

_WRITE = "write these records again with the values that are asked for, or leave them out"

MISSING_FEATURE = Rule(
    "missing-feature", ERROR, "give the feature a default_value, or make it a RaggedFeature; or leave these records out"
)
WRONG_KIND = Rule("wrong-kind", ERROR, f"ask for the kind that is there; or {_WRITE}")
EMPTY_LIST = Rule(
    "empty-list",
    ERROR,
    "leave the feature out of the record, so that the default is used; or make it a RaggedFeature",
)
WRONG_COUNT = Rule("wrong-count", ERROR, f"ask for the shape that is there, or a RaggedFeature; or {_WRITE}")
PARTIAL_STEP = Rule("partial-step", ERROR, f"ask for steps of another shape; or {_WRITE}")
SPARSE_LENGTHS = Rule("sparse-lengths", ERROR, _WRITE)
SPARSE_POSITION = Rule("sparse-position", WARNING, f"ask for another size; or {_WRITE}")
RAGGED_PARTITIONS = Rule("ragged-partitions", WARNING, f"ask for validate=True to have an error; or {_WRITE}")
REFUSED_PARTITIONS = RAGGED_PARTITIONS._replace(severity=ERROR, cure=_WRITE)
NO_CONTEXT = Rule("no-context", ERROR, "ask for a VarLenFeature or RaggedFeature; or parse the context as an Example")
NEVER_THERE = Rule("never-there", WARNING, "check the name, and that these are the files that were meant")
NOT_ASKED_FOR = Rule("not-asked-for", NOTE, "nothing, if it is not needed")

_SINGLE = Place()
#: Values of numbers, a gigabyte or so, for which there may be no memory.
_LARGE = 1 << 27


def raised(text: str) -> str:
    """What TensorFlow does when it raises that text."""
    return f"raises InvalidArgumentError: {text}"


def unfit_reason(column: Column, value: Any) -> str | None:
    """What is said of a value that is not what a column asks for, in TensorFlow's words; None if it is."""
    try:
        column_values(column, value, _SINGLE)
    except FeatureError as error:
        return error.reason
    return None


def example_problems(
    plan: Plan, example: Mapping[str, Any], overridden: Mapping[str, Any], told: Collection[str] = ()
) -> Iterator[Problem]:
    """What is wrong with one example.

    Args:
        plan: what is asked for.
        example: {name: value, or Refused} as TensorFlow reads it, if it takes the record.
        overridden: {name: value, or Refused} that TensorFlow takes instead of none, for a FixedLenFeature, and in
            parse_single_example for any.
        told: names of features of which it is told already what comes of them by themselves.
    """
    others = {key for key, column in plan.columns.items() if key in overridden and column.layout != DENSE}
    batch = {**example, **{key: value for key, value in overridden.items() if key not in others}}
    single = {**batch, **{key: overridden[key] for key in others}}
    told_of_single = set(told) - others
    together = {problem[:3]: problem for problem in _problems_of(plan, batch, told, is_single=False)}
    alone = {problem[:3]: problem for problem in _problems_of(plan, single, told_of_single, is_single=True)}
    for known, problem in together.items():
        yield problem if known in alone else _only("parse_example", problem)
    for known, problem in alone.items():
        if known not in together:
            yield _only("parse_single_example", problem)


def context_problems(plan: Plan, context: Mapping[str, Any]) -> Iterator[Problem]:
    """What else is wrong with the context of a SequenceExample, of which `example_problems` knows nothing."""
    for name, feature in plan.features.items():
        if isinstance(feature, (SparseFeature, FixedLenSequenceFeature)):
            kind = type(feature).__name__
            doing = f"in parse_sequence_example raises ValueError: Unsupported {kind}"
            yield Problem(NO_CONTEXT, name, f"a {kind} is asked for, and the record is a SequenceExample", doing)
    for key, column in plan.columns.items():
        is_fixed = column.layout == DENSE and not column.is_sequence
        if is_fixed and column.default is not None and key in context and context[key] is None:
            what = "it has no kind, and the default is used for a feature that is missing only"
            doing = f"in parse_sequence_example {raised('Unexpected number of elements in example')}"
            yield Problem(EMPTY_LIST, key, what, doing)


def _only(where: str, problem: Problem) -> Problem:
    return problem._replace(tensorflow=f"in {where} {problem.tensorflow}")


def _problems_of(plan: Plan, values: Mapping[str, Any], told: Collection[str], *, is_single: bool) -> Iterator[Problem]:
    """What is wrong with one example of these values, in a batch of its own or by itself."""
    fit: dict[str, Rows] = {}
    for key, column in plan.columns.items():
        value = values.get(key)
        if isinstance(value, Refused):
            continue  # which is told of how the feature is written
        reason = unfit_reason(column, value)
        if reason is None:
            array = column_values(column, value, _SINGLE)
            fit[key] = Rows.of(array, np.array([len(array)]))
        elif key not in told:
            yield _column_problem(column, value, reason)
    for name, feature in joint_features(plan).items():
        if read_by(name, feature) <= fit.keys():
            yield from joint_problems(plan, name, fit, is_single=is_single)


def joint_features(plan: Plan) -> dict[str, SparseFeature | RaggedFeature]:
    """The features that are put together from several columns, which must fit each other."""
    return {
        name: feature
        for name, feature in plan.features.items()
        if isinstance(feature, SparseFeature) or (isinstance(feature, RaggedFeature) and feature.partitions)
    }


def read_by(name: str, feature: SparseFeature | RaggedFeature) -> set[str]:
    """The keys of the columns that a feature is put together from."""
    if isinstance(feature, SparseFeature):
        index_keys = [feature.index_key] if isinstance(feature.index_key, str) else feature.index_key
        return {feature.value_key, *index_keys}
    return {feature.value_key or name, *(part.key for part in feature.partitions if hasattr(part, "key"))}


def joint_problems(plan: Plan, name: str, rows: Mapping[str, Rows], *, is_single: bool) -> Iterator[Problem]:
    """What is wrong with one of the joint features whose columns are each as they should be, in the examples of `rows`.

    One problem may stand for several examples: whoever wants to know gives them one by one. One example by itself
    (`is_single`) may fit where a batch of it does not, and the other way round.
    """
    feature = plan.features[name]
    if isinstance(feature, SparseFeature):
        yield from _sparse_problems(plan, name, feature, rows, is_single)
    else:
        assert isinstance(feature, RaggedFeature)
        yield from _ragged_problems(plan, name, feature, rows, is_single)


def never_there(plan: Plan, names: Collection[str]) -> Iterator[Problem]:
    """What is wrong when these are the names of all features in all records."""
    for key, column in plan.columns.items():
        if key not in names:
            from difflib import get_close_matches  # seldom needed

            near = get_close_matches(key, sorted(set(names) - plan.columns.keys()), 1)
            cure = f"perhaps {near[0]!r} is meant, which is there; or {NEVER_THERE.cure}" if near else ""
            is_needed = column.layout == DENSE and not column.is_sequence and column.default is None
            what = "no record has it, or a value in it"
            doing = "raises for every record" if is_needed else "takes it for missing, which by itself is no error"
            yield Problem(NEVER_THERE, key, what, doing, cure)


def not_asked_for(plan: Plan, names: Collection[str]) -> Iterator[Problem]:
    """The features that are there and not asked for."""
    for name in sorted(set(names) - plan.columns.keys()):
        yield Problem(NOT_ASKED_FOR, name, "the records have it, and the features do not ask for it", "passes over it")


def _column_problem(column: Column, value: Any, reason: str) -> Problem:
    key = column.key
    if value is None:
        return Problem(MISSING_FEATURE, key, "it is missing, or has no kind, and there is no default", raised(reason))
    found, wanted = type_of(value), column.type
    if found != wanted:
        what = f"it holds {len(value)} {found.values_name} values, where {wanted.values_name} is asked for"
        return Problem(WRONG_KIND, key, what, raised(reason))
    if column.is_sequence:
        what = f"its {len(value)} values are no whole number of steps of {column.size}"
        return Problem(PARTIAL_STEP, key, what, raised(reason))
    if not len(value):
        ignored = "" if column.default is None else ", and the default is not used for an empty list"
        return Problem(EMPTY_LIST, key, f"its list is empty{ignored}", raised(reason))
    what = f"it holds {len(value)} values, where {column.size} are asked for"
    doing = raised(reason)
    if not column.size and found == FLOAT32:  # it writes the first beyond the end of what is to hold none
        doing += "; or, where they are not packed, may crash"
    elif column.size >= _LARGE and found != STRING:  # it does not look whether it was given the memory
        doing += "; or, where there is no memory for so many, crashes"
    return Problem(WRONG_COUNT, key, what, doing)


def _raises_by_itself(is_single: bool, made_up: str) -> str:
    """What TensorFlow does with what does not fit together, unless other records of a batch make up for it."""
    return "raises" if is_single else f"raises, or, when the other records of the batch make up for it, {made_up}"


def _sparse_problems(
    plan: Plan, name: str, feature: SparseFeature, rows: Mapping[str, Rows], is_single: bool
) -> Iterator[Problem]:
    try:
        sparse = result(plan, name, rows, is_single=False)
    except FeatureError as error:
        doing = _raises_by_itself(is_single, "puts values at wrong positions")
        yield Problem(SPARSE_LENGTHS, name, error.reason, doing)
        return
    positions, sizes = sparse.indices[:, 1:], sparse.dense_shape[1:]
    outside = int(((positions < 0) | (positions >= sizes)).any(axis=1).sum())
    if outside:
        what = f"{outside} of its positions are outside its size of {sizes.tolist()}"
        yield Problem(SPARSE_POSITION, name, what, "takes them as they are, without an error")
    twice = len(sparse.indices) - len(np.unique(sparse.indices, axis=0))
    if twice:
        yield Problem(
            SPARSE_POSITION,
            name,
            f"{twice} of its positions are there before",
            "takes them as they are, without an error",
        )


def _ragged_problems(
    plan: Plan, name: str, feature: RaggedFeature, rows: Mapping[str, Rows], is_single: bool
) -> Iterator[Problem]:
    try:
        result(plan, name, rows, is_single=is_single)
    except TooManyRowsError as error:
        yield Problem(RAGGED_PARTITIONS, name, error.reason, "builds them all, as far as there is memory")
        return
    except FeatureError as error:
        doing = _raises_by_itself(is_single, "takes them as they are")
        yield Problem(REFUSED_PARTITIONS, name, error.reason, doing)
        return
    validated = Plan({name: feature._replace(validate=True)}, plan.columns)
    try:
        result(validated, name, rows, is_single=is_single)
    except FeatureError as error:
        yield Problem(RAGGED_PARTITIONS, name, error.reason, "takes them as they are, without an error")
