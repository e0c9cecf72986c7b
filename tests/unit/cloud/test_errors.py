"""Each error of the client becomes the error of the package that says what to do."""

import pytest

from qiskit_oqtopus import exceptions
from qiskit_oqtopus.client import errors
from qiskit_oqtopus.cloud.errors import translate_errors


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (errors.ConfigurationError, "OqtopusValidationError"),
        (errors.CredentialsError, "OqtopusCredentialsError"),
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


def test_other_errors_pass():
    with pytest.raises(KeyError), translate_errors("Reading a job"):
        raise KeyError
