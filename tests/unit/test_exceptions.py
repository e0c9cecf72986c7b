"""The errors: the tree in the docstring is the tree of the classes, and warnings name a line."""

import re
import warnings

from qiskit.providers import JobError, JobTimeoutError

import qiskit_oqtopus
from qiskit_oqtopus import exceptions
from qiskit_oqtopus.device.snapshot import DeviceSnapshot
from tests.devices import anemone_device, anemone_facts

OTHERS = {"ValueError": ValueError, "JobError": JobError, "JobTimeoutError": JobTimeoutError}


def test_the_tree_in_the_docstring_is_that_of_the_classes():
    parents = []
    listed = set()
    for line in exceptions.__doc__.split("\n"):
        match = re.match(r"( *)\* (\w+)(?: \(also ([\w.]+)\))?", line)
        if match is None:
            continue
        depth, kind = len(match[1]) // 2, getattr(exceptions, match[2])
        del parents[depth:]
        if parents:
            assert issubclass(kind, parents[-1]), kind
        if match[3]:
            assert issubclass(kind, OTHERS[match[3].rpartition(".")[2]]), kind
        parents.append(kind)
        listed.add(match[2])
    public = {name for name in qiskit_oqtopus.__all__ if re.search("(Error|Warning)$", name)}
    assert listed == public


def test_a_warning_names_the_line_of_the_user():
    facts = anemone_facts()
    facts["qubits"][0]["fidelity"] = 7
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        DeviceSnapshot.from_device(anemone_device(), facts)
    assert [warning.filename for warning in caught] == [__file__]
