"""What the object store of the emulator holds of a job, to look at and to tamper with."""

import copy

from qiskit_oqtopus.client.storage import pack_json, unpack_json


def read(cloud, job_id, name):
    return unpack_json(cloud._object_storage.get(f"{job_id}/{name}.zip"))


def write(cloud, job_id, name, content):
    cloud._object_storage.put(f"{job_id}/{name}.zip", pack_json(content))


def change(cloud, job_id, name, function):
    """Let a function change what is stored."""
    content = copy.deepcopy(read(cloud, job_id, name))
    function(content)
    write(cloud, job_id, name, content)


def answer_counts(cloud, job_id, counts):
    """Let a job that has ended have other counts."""
    change(cloud, job_id, "result", lambda result: result["sampling"].update(counts=counts))


def set_row(cloud, job_id, **values):
    """Let the server say something else of a job that has ended."""
    assert cloud._database.update(job_id, ("succeeded",), **values)
