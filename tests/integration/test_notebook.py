"""A notebook, as somebody would write it in the first minutes, run by nbconvert."""

import pytest

nbformat = pytest.importorskip("nbformat")
nbconvert = pytest.importorskip("nbconvert")
pytest.importorskip("ipykernel")
pytest.importorskip("qiskit_oqtopus.emulator")

CELLS = [
    "from qiskit import QuantumCircuit, transpile\n"
    "from qiskit_oqtopus import EstimatorV2, OqtopusProvider, QulacsBackend, SamplerV2\n"
    "from qiskit_oqtopus.emulator import Emulator\n"
    "cloud = Emulator(['grid-16q', {'device_id': '<b>evil</b>', 'n_qubits': 2}], seed=1).start()\n"
    "provider = OqtopusProvider(url=cloud.url, token=cloud.token)\n"
    "provider",
    "backend = provider.backend('grid-16q')\nbackend",
    "backend.status()",
    "backend.snapshot()",
    "circuit = QuantumCircuit(2, name='<i>bell</i>')\n"
    "circuit.h(0); circuit.cx(0, 1); circuit.measure_all()\n"
    "job = backend.run(transpile(circuit, backend), shots=100, tags=['first'], progress=True)\n"
    "result = job.result(timeout=60)\n"
    "job",
    "print([provider, backend, job, backend.snapshot(), backend.status(), SamplerV2(backend)])",
    "SamplerV2(backend, options={'default_shots': 50}).run([transpile(circuit, backend)])",
    "EstimatorV2(backend)",
    "QulacsBackend()",
    "backend.twin(seed=1)",
    "provider.backends()",
    "provider.jobs_table()",
    "provider.backend('<b>evil</b>')",
    "cloud.stop()",
]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The notebook, run, and the page that nbconvert makes of it."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    run = nbconvert.preprocessors.ExecutePreprocessor(timeout=120, kernel_name="python3")
    run.preprocess(notebook, {"metadata": {"path": str(tmp_path_factory.mktemp("notebook"))}})
    exporter = nbconvert.HTMLExporter(template_name="basic")
    html, _ = exporter.from_notebook_node(notebook)
    return notebook, html


def shown(notebook, cell):
    """Return the HTML that a cell shows."""
    found = notebook.cells[CELLS.index(cell)].outputs
    return "".join(out["data"].get("text/html", "") for out in found if "data" in out)


def test_each_object_has_a_picture_or_a_card(page):
    notebook, _ = page
    for cell, words, has_chip in (
        (CELLS[0], "OqtopusProvider", False),
        (CELLS[1], "OqtopusBackend grid-16q", True),
        (CELLS[2], "Status of grid-16q", False),
        (CELLS[3], "grid-16q", True),
        (CELLS[4], "OqtopusJob", False),
        (CELLS[6], "PrimitiveJob", False),
        ("QulacsBackend()", "QulacsBackend qulacs_simulator", False),
        ("backend.twin(seed=1)", "grid-16q_twin", True),
        ("provider.jobs_table()", "job_id", False),
    ):
        html = shown(notebook, cell)
        assert words in html, cell
        assert ("<svg" in html) is has_chip, cell


def test_reprs_are_short(page):
    notebook, _ = page
    (printed,) = notebook.cells[5].outputs
    assert len(printed["text"]) < 1000
    assert "DONE, 1 circuit" in printed["text"]


def test_names_from_the_network_are_text(page):
    _, html = page
    assert "&lt;b&gt;evil&lt;/b&gt;" in html
    assert "<b>evil</b>" not in html
    assert "<i>bell</i>" not in html


def test_the_stages_of_the_run_are_shown(page):
    notebook, _ = page
    streams = "".join(out.get("text", "") for out in notebook.cells[4].outputs)
    assert "submit: 100%" in streams
    assert "IProgress" not in streams
    assert "download: 100%" in streams
