"""Pages of a list: nothing is missed, and nothing goes on for ever."""

import pytest

from qiskit_oqtopus.client import ProtocolError
from qiskit_oqtopus.client.models import Job
from qiskit_oqtopus.cloud.listing import list_jobs, sort_newest_first


class Server:
    """A client that lists jobs, and changes the list after a number of pages."""

    def __init__(self, number, **changes):
        self.listed = [Job(f"{i:05}", "succeeded") for i in range(number)]
        self.changes = changes
        self.pages = 0

    def jobs(self, *, page, size):
        jobs = self.listed[(page - 1) * size : page * size]
        self.pages += 1
        self.changes.get(f"after_{self.pages}", lambda listed: None)(self.listed)
        return jobs


def ids(server):
    return [job.job_id for job in list_jobs(server)]


@pytest.mark.parametrize("number", [0, 1, 99, 100, 101, 198, 199, 250, 1000])
def test_every_job_comes_once(number):
    server = Server(number)
    assert ids(server) == [f"{i:05}" for i in range(number)]
    assert server.pages <= 1 + number / 85


def test_the_pages_of_a_long_list_are_almost_full():
    server = Server(10_000)
    assert len(ids(server)) == 10_000
    assert server.pages <= 120


def test_a_job_that_is_deleted_between_two_pages_hides_no_other():
    server = Server(250, after_1=lambda listed: listed.pop(3), after_2=lambda listed: listed.pop(3))
    found = ids(server)
    assert len(found) == len(set(found))
    assert set(found) >= {f"{i:05}" for i in range(250)} - {"00003", "00004"}


def test_jobs_that_are_submitted_meanwhile_hide_no_other():
    server = Server(250, after_1=lambda listed: listed.insert(0, Job("new", "submitted")))
    assert set(ids(server)) >= {f"{i:05}" for i in range(250)}


def test_jobs_of_one_second_are_turned_round():
    seconds = [[f"{second}{i:03}" for i in range(150)] for second in (3, 2, 1)]
    server = Server(0)
    server.listed = [Job(job_id, "succeeded") for second in seconds for job_id in second]
    found = [job.job_id for job in sort_newest_first(list_jobs(server))]
    assert found == sorted(found, reverse=True)
    assert len(found) == 450


def test_a_list_that_is_sorted_is_read_only_as_far_as_it_is_needed():
    server = Server(1000)
    server.listed.reverse()
    newest = sort_newest_first(list_jobs(server))
    assert [next(newest).job_id for _ in range(50)] == [f"{999 - i:05}" for i in range(50)]
    assert server.pages == 1


class SamePage(Server):
    """It ignores which page is asked for."""

    def jobs(self, *, page, size):
        return super().jobs(page=1, size=size)


class FullPage(Server):
    """It ignores the page and the size."""

    def jobs(self, *, page, size):
        return super().jobs(page=1, size=100)


@pytest.mark.parametrize("server", [SamePage(300), FullPage(300)])
def test_pages_that_bring_nothing_new_end(server):
    with pytest.raises(ProtocolError, match="the list would never end"):
        ids(server)
    assert server.pages < 20


class OwnSize(Server):
    """It has pages of a size of its own."""

    def jobs(self, *, page, size):
        return super().jobs(page=page, size=100)


def test_a_server_that_has_its_own_size_of_pages_is_read_to_its_end():
    assert sorted(ids(OwnSize(250))) == [f"{i:05}" for i in range(250)]
