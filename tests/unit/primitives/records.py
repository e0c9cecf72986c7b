"""Records of primitives, and programs that carry them."""

from qiskit import QuantumCircuit

from qiskit_oqtopus.primitives.pub_record import EstimatorRecord, SamplerRecord
from qiskit_oqtopus.program.program import ProgramHeader, encode_program


def build_program(record, kind, **where):
    circuit = QuantumCircuit(2, 2)
    circuit.measure([0, 1], [0, 1])
    where = {"index": 1, "total": 3, "pub": 1, "position": 0, **where}
    header = ProgramHeader(
        kind=kind,
        group="g" * 16,
        created="2026-11-23T00:00:00+00:00",
        shots=10,
        primitive=record.to_json(),
        **where,
    )
    return encode_program(circuit, header)


SAMPLER = SamplerRecord((1, 1, 1), (), (("a", (1,)), ("b", (0, 1))))

ESTIMATOR = EstimatorRecord((1, 2), (2, 3), (3,), 0.1, (3, 0), ((5, ((0, 0.1), (1, -2.0))),))
