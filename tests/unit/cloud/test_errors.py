"""Each error of the client becomes the error of the package that says what to do."""

import pytest

from qiskit_oqtopus import OqtopusProvider, exceptions
from qiskit_oqtopus.client import errors
from qiskit_oqtopus.cloud.errors import translate_errors
from tests.device_circuits import flip


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (errors.ConfigurationError, "OqtopusValidationError"),
        (errors.CredentialsError, "OqtopusCredentialsError"),
        (errors.UnapprovedError, "OqtopusForbiddenError"),
        (errors.LinkError, "OqtopusForbiddenError"),
        (errors.ForbiddenError, "OqtopusForbiddenError"),
        (errors.NotFoundError, "OqtopusNotFoundError"),
        (errors.RateLimitError, "OqtopusRateLimitError"),
        (errors.ValidationError, "OqtopusValidationError"),
        (errors.ServerError, "OqtopusServerError"),
        (errors.TransportError, "OqtopusConnectionError"),
        (errors.ProtocolError, "OqtopusProtocolError"),
        (errors.ClientError, "OqtopusCloudError"),
    ],
)
def test_each_error_of_the_client_has_its_own(kind, name):
    given = kind("GET /jobs was answered 418", status=418)
    with pytest.raises(exceptions.OqtopusCloudError) as caught, translate_errors("Reading a job"):
        raise given
    assert type(caught.value) is getattr(exceptions, name)
    assert str(caught.value).startswith("Reading a job failed: GET /jobs was answered 418.")
    assert caught.value.status == 418
    assert caught.value.__cause__ is given


def test_an_account_that_is_not_approved_needs_no_other_token(cloud):
    provider = OqtopusProvider(url=cloud.url, token=cloud.add_user(approved=False))
    with pytest.raises(exceptions.OqtopusForbiddenError) as caught:
        provider.backends()
    assert "The account is not approved yet: ask the operator" in str(caught.value)
    assert "Check the token" not in str(caught.value)


def test_a_gateway_says_the_same_of_a_wrong_token_and_of_too_few_rights():
    given = errors.CredentialsError("GET /jobs was answered 403", status=403)
    with pytest.raises(exceptions.OqtopusCredentialsError) as caught, translate_errors("Reading"):
        raise given
    assert "Check the token" in str(caught.value)
    assert "ask the operator" in str(caught.value)


def test_a_device_that_is_not_available_is_waited_for(cloud, backend):
    circuit = flip(backend)
    cloud.devices.set("line-4q", status="unavailable")
    try:
        with (
            pytest.warns(exceptions.OqtopusWarning, match="may refuse"),
            pytest.raises(exceptions.OqtopusSubmissionError) as caught,
        ):
            backend.run(circuit, shots=5)
    finally:
        cloud.devices.set("line-4q", status="available")
    assert "device line-4q is not available" in str(caught.value)
    assert "Try again when it is" in str(caught.value)
    assert "Change what the message names" not in str(caught.value)


def test_other_errors_pass():
    with pytest.raises(KeyError), translate_errors("Reading a job"):
        raise KeyError
